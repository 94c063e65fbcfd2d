//! How long a run still takes.

use std::time::{Duration, Instant};

use indicatif::HumanDuration;
use train::core::{BatchReport, RunStart};

/// Judged by the epochs of this process: a run that goes on may have begun on another machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eta {
    began: Instant,
    epochs: u64,
    done: u64,
}

impl Eta {
    /// From the start of a run on.
    pub(super) fn of(run: &RunStart) -> Self {
        Self { began: Instant::now(), epochs: run.epochs, done: run.done }
    }

    /// All epochs of the run.
    pub(super) const fn epochs(&self) -> u64 {
        self.epochs
    }

    /// Time left at the end of an epoch, in words.
    pub(super) fn left(&self, epoch: u64) -> String {
        self.left_at(epoch, 1.0)
    }

    /// Time left after a batch, in words.
    pub(super) fn left_in(&self, report: &BatchReport) -> String {
        self.left_at(report.epoch, report.batch as f64 / report.batches as f64)
    }

    fn left_at(&self, epoch: u64, part: f64) -> String {
        let done = epoch as f64 - 1.0 - self.done as f64 + part;
        let all = self.epochs.saturating_sub(self.done) as f64;
        if done <= 0.0 {
            return "?".to_owned();
        }
        let left = self.began.elapsed().as_secs_f64() * (all - done) / done;
        HumanDuration(Duration::from_secs_f64(left.clamp(0.0, 1e9))).to_string()
    }
}
