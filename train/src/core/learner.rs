//! What learns, and the loop around it. A learner need not be a network: the loop knows no image, no gradient and no moving
//! average, so one that grows trees goes through it as well.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use thiserror::Error;
use vision::RgbImage;

use super::{EpochReport, Metric, Observer, ResultsFile, RunFolder, Stop};

/// What learns, epoch by epoch: whatever an epoch is to it.
pub trait Learner {
    /// What it can fail with.
    type Error: From<OutputError>;

    /// Goes on from what [`Learner::save`] left in `folder`: where the run stood. `None` when nothing is there.
    ///
    /// # Errors
    /// When what is there cannot be gone on from.
    fn resume(&mut self, folder: &RunFolder) -> Result<Option<Standing>, Self::Error>;

    /// Tells what begins or goes on.
    fn begin(&mut self, standing: &Standing, output: &mut Output<'_>);

    /// Learns what is left of an epoch. `false` when it was asked to stop before its end.
    ///
    /// # Errors
    /// When it cannot go on.
    fn epoch(&mut self, standing: &Standing, output: &mut Output<'_>, stop: &Stop) -> Result<bool, Self::Error>;

    /// Measures what was learned, after `standing.epochs` whole epochs. `None` when it is not due.
    ///
    /// # Errors
    /// When it cannot be measured.
    fn validate(&mut self, standing: &Standing, output: &mut Output<'_>) -> Result<Option<Measured>, Self::Error>;

    /// Writes what was learned, the best so far, as it is used.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save_best(&mut self, folder: &RunFolder) -> Result<(), Self::Error>;

    /// A row of `results.csv`, the epoch first; `measured` are those of [`Learner::validate`], empty before.
    fn metrics(&self, standing: &Standing, measured: &[Option<f64>]) -> Vec<Metric>;

    /// Spells a row of `results.csv`.
    fn row(&self, metrics: &[Metric]) -> String;

    /// An epoch's row is in `results.csv`.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    fn epoch_ended(&mut self, _output: &mut Output<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Writes everything that [`Learner::resume`] needs.
    ///
    /// # Errors
    /// When it cannot be written; what was written before stays.
    fn save(&mut self, standing: &Standing, folder: &RunFolder) -> Result<(), Self::Error>;
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Standing {
    /// Whole epochs done.
    pub epochs: u64,
    /// Best epoch, counted from 1, and its fitness.
    pub best: Option<(u64, f64)>,
    /// Of the whole run, interruptions left out.
    pub seconds: f64,
}

/// How long a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Epochs in all.
    pub epochs: u64,
    /// Epochs without progress after which it ends; 0 for never.
    pub patience: u64,
}

/// What a validation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The number by which epochs are compared, higher is better. Without one the last counts as the best.
    pub fitness: Option<f64>,
    /// In the order of the learner's columns.
    pub metrics: Vec<Option<f64>>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Whole epochs done.
    pub epochs: u64,
    /// Best epoch, counted from 1, and its fitness.
    pub best: Option<(u64, f64)>,
    /// Why it ended.
    pub why: End,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Done,
    /// Nothing better for too many epochs.
    Patience,
    /// Somebody asked for it; it can go on.
    Stopped,
}

/// A file of the run that cannot be written or read.
#[derive(Debug, Error)]
#[error("{}: {source}", .path.display())]
pub struct OutputError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Where a run writes, and who listens.
pub struct Output<'a> {
    folder: &'a RunFolder,
    observer: &'a mut (dyn Observer + Send),
}

impl<'a> Output<'a> {
    /// Writes into `folder`, tells `observer`.
    #[must_use]
    pub fn new(folder: &'a RunFolder, observer: &'a mut (dyn Observer + Send)) -> Self {
        Self { folder, observer }
    }

    /// The folder of the run.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        self.folder
    }

    /// Writes an image into the folder and tells of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn image(&mut self, name: &str, image: &RgbImage) -> Result<PathBuf, OutputError> {
        let at = |source| OutputError { path: self.folder.path().join(name), source };
        let written = self.folder.write_image(name, image).map_err(at)?;
        self.observer.image(&written);
        Ok(written)
    }

    /// Those who listen.
    pub fn observer(&mut self) -> &mut dyn Observer {
        self.observer
    }
}

/// Learns, or goes on where the run in the folder stopped.
///
/// # Errors
/// What the learner fails with. Whatever happens, what was saved last stays.
pub fn run<L: Learner>(
    learner: &mut L,
    length: Length,
    mut output: Output<'_>,
    stop: &Stop,
) -> Result<Finished, L::Error> {
    let mut standing = learner.resume(output.folder)?.unwrap_or_default();
    learner.begin(&standing, &mut output);
    let path = output.folder.results();
    let at = |source| OutputError { path: path.clone(), source };
    let columns: Vec<&str> = learner.metrics(&standing, &[]).iter().map(|(name, _)| *name).collect();
    let mut results = ResultsFile::open(&path, &columns, standing.epochs).map_err(at)?;
    let why = loop {
        if standing.epochs >= length.epochs {
            break End::Done;
        }
        let since = standing.epochs.saturating_sub(standing.best.map_or(0, |(epoch, _)| epoch));
        if length.patience > 0 && standing.best.is_some() && since >= length.patience {
            break End::Patience;
        }
        let began = Instant::now();
        if !learner.epoch(&standing, &mut output, stop)? {
            standing.seconds += began.elapsed().as_secs_f64();
            learner.save(&standing, output.folder)?;
            break End::Stopped;
        }
        let report = end_epoch(learner, &mut standing, &mut output, began)?;
        results.add(&learner.row(&report.metrics)).map_err(at)?;
        output.observer.epoch(&report);
        learner.epoch_ended(&mut output)?;
        learner.save(&standing, output.folder)?;
    };
    Ok(Finished { epochs: standing.epochs, best: standing.best, why })
}

fn end_epoch<L: Learner>(
    learner: &mut L,
    standing: &mut Standing,
    output: &mut Output<'_>,
    began: Instant,
) -> Result<EpochReport, L::Error> {
    standing.epochs += 1;
    let measured = learner.validate(standing, output)?;
    let mut best = false;
    if let Some(Measured { fitness, .. }) = measured {
        best = fitness.is_none_or(|fitness| standing.best.is_none_or(|(_, best)| fitness > best));
        if best {
            standing.best = Some((standing.epochs, fitness.unwrap_or(0.0)));
            learner.save_best(output.folder)?;
        }
    }
    standing.seconds += began.elapsed().as_secs_f64();
    let metrics = learner.metrics(standing, &measured.map(|measured| measured.metrics).unwrap_or_default());
    Ok(EpochReport { epoch: standing.epochs, metrics, best })
}
