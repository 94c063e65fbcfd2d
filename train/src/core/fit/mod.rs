//! Learning by gradient descent, whatever network is trained.
//!
//! | file | what |
//! |---|---|
//! | [`descent`] | the learner: steps, checkpoints, what is told of them |
//! | [`error`] | why a run ended before its time |

use std::error::Error;

use candle_core::Tensor;
use vision::RgbImage;

use super::learner::{self, Length};
use super::{Ema, Observer, Optimiser, Optimizer, Parameters, RunFolder, Stop};

mod descent;
mod error;

pub use super::learner::{End, Finished, Measured, Output};
pub use error::FitError;

/// What is trained: all of a run that is neither the loop nor the descent.
pub trait Task: Send {
    /// Images of a step.
    type Batch: Send;
    /// What only this training can fail with.
    type Error: Error + Send + 'static;

    /// Columns of what [`Task::loss`] says of a batch; results hold the means over an epoch.
    const MEANS: &'static [&'static str];
    /// Columns of what [`Task::validate`] measures.
    const METRICS: &'static [&'static str];
    /// What to try when training runs away.
    const ADVICE: &'static str;

    /// The batches of an epoch (counted from 0) from number `first` on.
    fn batches(&self, epoch: u32, first: usize) -> Batches<Self>;
    /// Loss of a batch, with the graph its gradients come from.
    ///
    /// # Errors
    /// When the network or the loss fails.
    fn loss(&mut self, batch: &Self::Batch, position: BatchPosition) -> Result<Loss, FitError<Self::Error>>;
    /// The batch, to look at.
    fn sheet(&self, batch: &Self::Batch) -> RgbImage;
    /// What its images are called.
    fn names(&self, batch: &Self::Batch) -> Vec<String>;
    /// Measures the averaged network as it would be served, after `epoch` whole epochs. `None` when it is not due.
    ///
    /// # Errors
    /// When an image or the network fails.
    fn validate(
        &mut self,
        epoch: u64,
        ema: &Ema,
        output: &mut Output<'_>,
    ) -> Result<Option<Measured>, FitError<Self::Error>>;
    /// Writes the averaged network, the best so far, as it is served, with its card.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save_best(&mut self, ema: &Ema, folder: &RunFolder) -> Result<(), FitError<Self::Error>>;

    /// An epoch's row is in `results.csv`.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    fn epoch_ended(&mut self, _output: &mut Output<'_>) -> Result<(), FitError<Self::Error>> {
        Ok(())
    }
    /// What it wants to know again when the run goes on.
    fn save_state(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// The run goes on: what [`Task::save_state`] said.
    fn load_state(&mut self, _state: serde_json::Value) {}
}

/// Batches in order, each with its number.
pub type Batches<T> = Box<dyn Iterator<Item = Result<(usize, <T as Task>::Batch), FitError<<T as Task>::Error>>>>;

/// Where a batch stands in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPosition {
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Batch of the epoch, counted from 0.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Loss {
    /// What gradients are taken of.
    pub objective: Tensor,
    /// Its value as people know it.
    pub value: f64,
    /// In the order of [`Task::MEANS`].
    pub means: Vec<f64>,
}

/// How long and with what a run goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What a checkpoint must be of to go on from it: the network and everything that shapes it.
    pub identity: String,
    /// Seed of the run.
    pub seed: u64,
    /// How weights are moved.
    pub optimiser: Optimiser,
    /// Epochs in all.
    pub epochs: u32,
    /// Epochs without progress after which it ends; 0 for never.
    pub patience: u32,
    /// Images of a batch.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// Images it is validated on.
    pub validation_images: usize,
    /// Lines worth telling when it begins, not when it goes on.
    pub notes: Vec<String>,
}

impl Plan {
    /// Batches whose gradients make a step.
    fn accumulate(&self) -> usize {
        (self.optimiser.nominal_batch / self.batch.max(1)).max(1)
    }
}

/// What gradients move, how, and how long.
#[derive(Debug)]
pub struct Start {
    /// The network's numbers.
    pub parameters: Parameters,
    /// Moves them.
    pub optimizer: Optimizer,
    /// How long and with what.
    pub plan: Plan,
}

/// Trains, or goes on where the checkpoint in `folder` stopped.
///
/// # Errors
/// See [`FitError`]. Whatever happens, the last whole checkpoint stays.
pub fn fit<T: Task>(
    task: &mut T,
    start: Start,
    folder: &RunFolder,
    observer: &mut (dyn Observer + Send),
    stop: &Stop,
) -> Result<Finished, FitError<T::Error>> {
    let length = Length { epochs: start.plan.epochs.into(), patience: start.plan.patience.into() };
    learner::run(&mut descent::Descent::new(task, start)?, length, Output::new(folder, observer), stop)
}
