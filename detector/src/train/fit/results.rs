//! `results.csv`: a row per epoch, under the column names that users of Ultralytics read.

use std::io;
use std::path::Path;

use engine::train::ResultsFile;

use super::validate::Validation;
use crate::train::LossParts;

/// Column names.
const COLUMNS: [&str; 13] = [
    "epoch",
    "time",
    "train/box_loss",
    "train/cls_loss",
    "train/dfl_loss",
    "metrics/precision(B)",
    "metrics/recall(B)",
    "metrics/mAP50(B)",
    "metrics/mAP50-95(B)",
    "lr/pg0",
    "lr/pg1",
    "images_per_second",
    "peak_memory_mib",
];

/// What an epoch came to.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochRow {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Seconds since the run began, interruptions left out.
    pub seconds: f64,
    /// Mean loss.
    pub loss: LossParts,
    /// `None` when the epoch was not validated.
    pub validation: Option<Validation>,
    /// Learning rate of weights at its end.
    pub learning_rate: f64,
    /// Learning rate of biases at its end.
    pub bias_learning_rate: f64,
    /// Pictures trained on a second.
    pub pictures_per_second: f64,
    /// Most memory the process has had, in MiB.
    pub peak_memory_mib: f64,
    /// Whether it is the best so far.
    pub best: bool,
}

impl EpochRow {
    fn line(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.5}"));
        let of = |get: fn(&Validation) -> Option<f64>| number(self.validation.as_ref().and_then(get));
        [
            self.epoch.to_string(),
            format!("{:.1}", self.seconds),
            number(Some(self.loss.boxes)),
            number(Some(self.loss.classes)),
            number(Some(self.loss.dfl)),
            of(|v| v.precision),
            of(|v| v.recall),
            of(|v| v.map50),
            of(|v| v.map50_95),
            format!("{:.6}", self.learning_rate),
            format!("{:.6}", self.bias_learning_rate),
            format!("{:.2}", self.pictures_per_second),
            format!("{:.0}", self.peak_memory_mib),
        ]
        .join(",")
    }
}

/// The file of a run.
#[derive(Debug)]
pub struct Results(ResultsFile);

impl Results {
    /// Opens the file of a run that has done `epochs`; rows behind them, written after the last checkpoint, go.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, epochs: u64) -> io::Result<Self> {
        Ok(Self(ResultsFile::open(path, &COLUMNS, epochs)?))
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, row: &EpochRow) -> io::Result<()> {
        self.0.add(&row.line())
    }
}
