//! Where the time of a photo went.

use std::time::Duration;

/// Time per stage of one photo. In a batch, work done together is shared out evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Bytes to pixels; zero when pixels were given.
    pub decode: Duration,
    /// Finding containers.
    pub detect: Duration,
    /// Cutting them out.
    pub crop: Duration,
    /// Crops to embeddings.
    pub embed: Duration,
    /// Nearest exemplars and decision.
    pub search: Duration,
}

impl Timing {
    /// Sum of the stages.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.decode + self.detect + self.crop + self.embed + self.search
    }
}
