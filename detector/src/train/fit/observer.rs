//! What a run tells while it goes on: progress bars, the dashboard and event files listen.

use std::path::Path;

use super::results::EpochRow;
use crate::train::LossParts;

/// A run begins or goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStart {
    /// What is trained.
    pub architecture: String,
    /// Numbers that gradients change.
    pub parameters: usize,
    /// Epochs of the whole run.
    pub epochs: u64,
    /// Epochs done before.
    pub done: u64,
    /// Batches of an epoch.
    pub batches: usize,
    /// Pictures of a batch.
    pub batch: usize,
    /// Pictures it is validated on.
    pub validation_pictures: usize,
}

/// A batch went through.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    pub loss: LossParts,
    /// Mean loss of the epoch so far.
    pub mean: LossParts,
    /// Pictures a second since the epoch began.
    pub pictures_per_second: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Objects in the batch.
    pub objects: usize,
}

/// Listens to a run.
pub trait Observer {
    /// It begins or goes on.
    fn started(&mut self, _run: &RunStart) {}
    /// A batch went through.
    fn batch(&mut self, _report: &BatchReport) {}
    /// Validation: so many pictures of so many are done.
    fn validating(&mut self, _done: usize, _all: usize) {}
    /// An epoch ended.
    fn epoch(&mut self, _row: &EpochRow) {}
    /// A picture was written: a mosaic of a training batch, predictions, curves.
    fn picture(&mut self, _path: &Path) {}
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
    fn epoch(&mut self, row: &EpochRow) {
        self.iter_mut().for_each(|observer| observer.epoch(row));
    }
    fn picture(&mut self, path: &Path) {
        self.iter_mut().for_each(|observer| observer.picture(path));
    }
    fn note(&mut self, line: &str) {
        self.iter_mut().for_each(|observer| observer.note(line));
    }
}
