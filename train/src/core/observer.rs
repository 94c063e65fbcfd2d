//! What a run tells while it goes on, whatever it trains: progress bars, the dashboard and event files listen.

use std::path::Path;

/// A metric under the name that tools know it by; `None` when it was not measured.
pub type Metric = (&'static str, Option<f64>);

/// A run begins or goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStart {
    /// What is trained.
    pub network: String,
    /// Numbers that gradients change.
    pub parameters: usize,
    /// Epochs of the whole run.
    pub epochs: u64,
    /// Epochs done before.
    pub done: u64,
    /// Batches of an epoch.
    pub batches: usize,
    /// Images of a batch.
    pub batch: usize,
    /// Images it is validated on.
    pub validation_images: usize,
}

/// A batch went through.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Batch of the epoch, counted from 1.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// Optimiser steps so far.
    pub step: u64,
    /// Loss of this batch.
    pub loss: f64,
    /// Means over the epoch so far, under short names.
    pub means: Vec<Metric>,
    /// Images a second since the epoch began.
    pub images_per_second: f64,
}

/// An epoch ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// What it came to, in the order of the columns of `results.csv`.
    pub metrics: Vec<Metric>,
    /// Whether it is the best so far.
    pub best: bool,
}

/// Listens to a run.
pub trait Observer {
    /// It begins or goes on.
    fn started(&mut self, _run: &RunStart) {}
    /// A batch went through.
    fn batch(&mut self, _report: &BatchReport) {}
    /// Validation: so many images of so many are done.
    fn validating(&mut self, _done: usize, _all: usize) {}
    /// An epoch ended.
    fn epoch(&mut self, _report: &EpochReport) {}
    /// An image was written.
    fn image(&mut self, _path: &Path) {}
    /// Something worth a line.
    fn note(&mut self, _line: &str) {}
}

/// Nobody listens.
impl Observer for () {}

/// Several listen.
impl Observer for Vec<Box<dyn Observer + Send + '_>> {
    fn started(&mut self, run: &RunStart) {
        self.iter_mut().for_each(|observer| observer.started(run));
    }
    fn batch(&mut self, report: &BatchReport) {
        self.iter_mut().for_each(|observer| observer.batch(report));
    }
    fn validating(&mut self, done: usize, all: usize) {
        self.iter_mut().for_each(|observer| observer.validating(done, all));
    }
    fn epoch(&mut self, report: &EpochReport) {
        self.iter_mut().for_each(|observer| observer.epoch(report));
    }
    fn image(&mut self, path: &Path) {
        self.iter_mut().for_each(|observer| observer.image(path));
    }
    fn note(&mut self, line: &str) {
        self.iter_mut().for_each(|observer| observer.note(line));
    }
}
