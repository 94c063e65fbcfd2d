//! How long photos take at a worker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Moving averages over the photos that were answered. What was refused or given up says nothing of what an answer takes.
#[derive(Debug, Default)]
pub(crate) struct LatencyAverage {
    /// Microseconds.
    mean: AtomicU64,
    /// Mean distance to it, microseconds.
    deviation: AtomicU64,
}

impl LatencyAverage {
    /// Folds in one photo: an eighth of the difference at a time.
    pub(super) fn record(&self, took: Duration) {
        let took = took.as_micros() as u64;
        let (mean, deviation) = (self.mean.load(Ordering::Relaxed), self.deviation.load(Ordering::Relaxed));
        // A lost update between two workers changes an estimate a little.
        if mean == 0 {
            self.mean.store(took.max(1), Ordering::Relaxed);
            return;
        }
        let off = mean.abs_diff(took);
        self.mean.store((mean - mean / 8 + took / 8).max(1), Ordering::Relaxed);
        self.deviation.store(deviation - deviation / 8 + off / 8, Ordering::Relaxed);
    }

    /// What one of many takes.
    pub(super) fn mean(&self) -> Duration {
        Duration::from_micros(self.mean.load(Ordering::Relaxed))
    }

    /// What a single one may well take.
    pub(super) fn upper_bound(&self) -> Duration {
        self.mean() + Duration::from_micros(2 * self.deviation.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_what_photos_take() {
        let latency = LatencyAverage::default();
        assert_eq!(latency.upper_bound(), Duration::ZERO);
        latency.record(Duration::from_millis(100));
        assert_eq!((latency.mean(), latency.upper_bound()), (Duration::from_millis(100), Duration::from_millis(100)));
        for _ in 0..100 {
            latency.record(Duration::from_millis(200));
        }
        let off = latency.mean().abs_diff(Duration::from_millis(200));
        assert!(off < Duration::from_millis(2) && latency.upper_bound() < Duration::from_millis(215), "{latency:?}");
    }
}
