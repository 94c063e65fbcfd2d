//! TensorBoard's event files as a listener to a run.

use std::path::Path;

use anyhow::Context;
use train::core::{EpochReport, EventWriter, Observer};

/// Columns of `results.csv` that are no curves anybody looks for.
pub(super) const UNSEEN: [&str; 4] = ["epoch", "time", "lr/pg1", "peak_memory_mib"];

/// Writes event files. A full disk must not end the run: it is said once.
pub(super) struct Events(Option<EventWriter>);

impl Events {
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self(Some(EventWriter::create(folder).context("cannot write an event file for TensorBoard")?)))
    }
}

impl Observer for Events {
    fn epoch(&mut self, report: &EpochReport) {
        let Some(writer) = &mut self.0 else { return };
        let seen: Vec<_> = report.metrics.iter().copied().filter(|(name, _)| !UNSEEN.contains(name)).collect();
        if let Err(error) = writer.scalars(report.epoch, &seen) {
            eprintln!("no more event files: {}: {error}", writer.path().display());
            self.0 = None;
        }
    }
}
