//! Telling how far a long run is, without knowing who listens.

/// Listens to a long run. Called from many threads; must be cheap.
pub trait Progress: Sync {
    /// A stage of `total` steps begins; an earlier one has ended.
    fn begin(&self, stage: &str, total: u64) {
        let _ = (stage, total);
    }

    /// So many more steps are done.
    fn advance(&self, steps: u64) {
        let _ = steps;
    }
}

/// Nobody listens.
impl Progress for () {}
