//! Asking a run to end at the next safe place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish that signals, the dashboard and the trainer share: who trains looks at it after every step, writes a checkpoint
/// and returns.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Wishes the end. Whether it was wished before: a second Ctrl-C means at once.
    pub fn request(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// Whether the end is wished.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
