//! Training a detector: what the loop of `crate::core::fit` is given.
//!
//! | file | what |
//! |---|---|
//! | [`task`] | network, loss and validation of a batch, an epoch |
//! | [`validate`] | metrics of the averaged network, as it would be served |
//! | [`sheet`] | images with boxes, many on one |
//! | [`plots`] | curves of the run and of a validation |

use std::sync::Arc;

use crate::core::fit::{self, Plan, Start};
use crate::core::{Observer, Optimizer, Parameters, RunFolder, Stop};
use engine::Device;
use thiserror::Error;
use vision::model_card::DataSet;

use super::config::TrainConfig;
use super::dataset::TrainingData;
use super::{DataError, Feed, LossError, Transfer};
use detector::model::architecture::BACKBONE_PREFIX;
use detector::model::{Architecture, DetectorNetwork};

pub mod plots;
pub mod sheet;
mod task;
pub mod validate;

pub use crate::core::fit::{End, Finished};
pub use validate::Validation;

use task::Detection;

/// What only training a detector can fail with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DetectionError {
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The loss.
    #[error(transparent)]
    Loss(#[from] LossError),
}

/// Why a run ended before its time.
pub type FitError = fit::FitError<DetectionError>;

impl From<DataError> for FitError {
    fn from(error: DataError) -> Self {
        Self::Task(error.into())
    }
}

impl From<LossError> for FitError {
    fn from(error: LossError) -> Self {
        Self::Task(error.into())
    }
}

/// What is trained, and on what.
#[derive(Debug)]
pub struct Setup {
    /// What the user asked for.
    pub config: TrainConfig,
    /// Weights to start from.
    pub transfer: Option<Transfer>,
    /// The images to learn from.
    pub feed: Arc<Feed>,
    /// The images to validate on; may be none.
    pub validation: Option<TrainingData>,
    /// Where it computes.
    pub device: Device,
    /// For the card: what it learns from.
    pub data: Vec<DataSet>,
    /// For the card: licence of the weights.
    pub license: String,
}

impl Setup {
    /// The network.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        Architecture::of(self.config.design, self.classes().len())
    }

    /// Names of its classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.feed.data.names
    }

    fn plan(&self) -> Plan {
        let architecture = self.architecture();
        Plan {
            identity: format!("{} with {} classes", architecture.design(), architecture.classes),
            seed: self.config.rules.seed,
            optimiser: self.config.optimiser,
            epochs: self.config.epochs,
            patience: self.config.patience,
            batch: self.feed.rules.batch,
            batches: self.feed.batches(),
            validation_images: self.validation.as_ref().map_or(0, |data| data.samples.len()),
            notes: Vec::new(),
        }
    }
}

/// Trains, or goes on where the checkpoint in `folder` stopped.
///
/// # Errors
/// See [`FitError`]. Whatever happens, the last whole checkpoint stays.
pub fn fit(
    setup: &Setup,
    folder: &RunFolder,
    observer: &mut (dyn Observer + Send),
    stop: &Stop,
) -> Result<Finished, FitError> {
    let optimiser = &setup.config.optimiser;
    let weights = setup.transfer.as_ref().map(|transfer| transfer.weights.clone());
    let parameters = Parameters::new(setup.config.rules.seed, weights, &setup.device);
    let network = DetectorNetwork::load(parameters.builder(), setup.architecture())?;
    let mut optimizer = Optimizer::new(optimiser.kind(), parameters.trainable());
    if setup.transfer.is_some() {
        optimizer.scale_rates(|name| if name.starts_with(BACKBONE_PREFIX) { optimiser.backbone_lr } else { 1.0 });
    }
    let start = Start { parameters, optimizer, plan: setup.plan() };
    fit::fit(&mut Detection::new(setup, network), start, folder, observer, stop)
}
