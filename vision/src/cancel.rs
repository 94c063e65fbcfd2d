//! Whether anybody still waits for a piece of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::ModelError;

/// Asked between the steps of long work: stages of recognition, tiles of a photo, batches of crops. Clones are one.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::time::{Duration, Instant};
/// use vision::Cancel;
///
/// let gone = Arc::new(AtomicBool::new(false));
/// let cancel = Cancel::new(Arc::clone(&gone), Instant::now() + Duration::from_secs(60));
/// assert!(cancel.check().is_ok());
/// gone.store(true, Ordering::Release);
/// assert!(cancel.check().is_err() && Cancel::never().check().is_ok());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    /// Those who wait; nobody is asked when there are none.
    waiting: Arc<[Waiting]>,
}

#[derive(Debug, Clone)]
struct Waiting {
    gone: Arc<AtomicBool>,
    deadline: Instant,
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.gone.load(Ordering::Acquire) || Instant::now() >= self.deadline
    }
}

impl Cancel {
    /// Work that is finished whatever happens.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Work for one who may go away, and who wants nothing after `deadline`.
    #[must_use]
    pub fn new(gone: Arc<AtomicBool>, deadline: Instant) -> Self {
        Self { waiting: Arc::new([Waiting { gone, deadline }]) }
    }

    /// Work for all of these together: it goes on while one of them wants it.
    #[must_use]
    pub fn all<'a>(of: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut waiting = Vec::new();
        for one in of {
            if one.waiting.is_empty() {
                return Self::never();
            }
            waiting.extend_from_slice(&one.waiting);
        }
        Self { waiting: waiting.into() }
    }

    /// Whether nobody waits any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        !self.waiting.is_empty() && self.waiting.iter().all(Waiting::is_over)
    }

    /// The same as a result, for work that gives up by `?`.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] when nobody waits any more.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.is_cancelled() { Err(ModelError::Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_goes_on_while_one_wants_it() {
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        let gone = Arc::new(AtomicBool::new(false));
        let (late, waits) = (Cancel::new(Arc::default(), now), Cancel::new(Arc::clone(&gone), later));
        assert!(late.is_cancelled() && !waits.is_cancelled());
        let both = Cancel::all([&late, &waits]);
        assert!(!both.is_cancelled());
        gone.store(true, Ordering::Release);
        assert!(both.is_cancelled());
        assert!(!Cancel::all([&both, &Cancel::never()]).is_cancelled() && !Cancel::all([]).is_cancelled());
    }
}
