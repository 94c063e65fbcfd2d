//! Training an embedder: what the loop of `crate::core::fit` is given.
//!
//! | file | what |
//! |---|---|
//! | [`task`] | network, loss and validation of a batch, an epoch |
//! | [`served_model`] | the averaged network as it is served: validated, written, exported |
//! | [`plots`] | what the network takes for what, to look at |

use std::sync::Arc;

use crate::core::fit::{self, Plan, Start};
use crate::core::{Observer, Optimizer, Parameters, RunFolder, Stop};
use engine::{Device, Weights};
use thiserror::Error;
use vision::model_card::DataSet;

use super::config::TrainConfig;
use super::head::Head;
use super::network::{EMBEDDING, HEAD, TrainingNetwork};
use super::{DataError, Feed, SkuImages};
use classifier::LoadError;

pub mod plots;
pub mod served_model;
mod task;

pub use super::validate::Validation;
pub use crate::core::fit::{End, Finished};

use task::Embedding;

/// What only training an embedder can fail with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmbeddingError {
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Weights to start from.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Why a run ended before its time.
pub type FitError = fit::FitError<EmbeddingError>;

impl From<DataError> for FitError {
    fn from(error: DataError) -> Self {
        Self::Task(error.into())
    }
}

impl From<LoadError> for FitError {
    fn from(error: LoadError) -> Self {
        Self::Task(error.into())
    }
}

/// What is trained, and on what.
#[derive(Debug)]
pub struct Setup {
    /// What the user asked for.
    pub config: TrainConfig,
    /// Weights to start from, under the names of the network in training.
    pub start: Option<Weights>,
    /// Makes the batches.
    pub feed: Arc<Feed>,
    /// Where it computes.
    pub device: Device,
    /// For the card: what it learns from.
    pub data: Vec<DataSet>,
    /// For the card: licence of the weights.
    pub license: String,
}

impl Setup {
    fn images(&self) -> &SkuImages {
        &self.feed.data
    }

    fn plan(&self, parameters: &Parameters) -> Plan {
        let TrainConfig { backbone, dimension, head, .. } = &self.config;
        let images = self.images();
        let learned = images.learned;
        let transfer = parameters.transfer();
        let fresh: Vec<&str> = transfer.fresh.iter().take(6).map(String::as_str).collect();
        let (taken, anew) = (transfer.taken.len(), transfer.fresh.len());
        let note = format!("{taken} tensors start from weights, {anew} anew: {}", fresh.join(", "));
        Plan {
            identity: format!("{backbone}, {dimension} components, {learned} SKUs of {} centres", head.sub_centers),
            seed: self.config.rules.seed,
            optimiser: self.config.optimiser,
            epochs: self.config.epochs,
            patience: self.config.patience,
            batch: self.config.rules.batch(),
            batches: self.feed.batches(),
            validation_images: images.val.len() + images.held_out.len(),
            notes: self.start.iter().map(|_| note.clone()).collect(),
        }
    }
}

/// Trains, or goes on where the checkpoint in `folder` stopped. With the metrics of the best epoch.
///
/// # Errors
/// See [`FitError`]. Whatever happens, the last whole checkpoint stays.
pub fn fit(
    setup: &Setup,
    folder: &RunFolder,
    observer: &mut (dyn Observer + Send),
    stop: &Stop,
) -> Result<(Finished, Option<Validation>), FitError> {
    let TrainConfig { backbone, dimension, head: kind, optimiser, rules, .. } = &setup.config;
    let parameters = Parameters::new(rules.seed, setup.start.clone(), &setup.device);
    let network = TrainingNetwork::load(parameters.builder(), *backbone, *dimension)?;
    let learned = setup.images().learned;
    let head = Head::load(parameters.builder().pp(HEAD), learned * kind.sub_centers, *dimension)?;
    let mut optimizer = Optimizer::new(optimiser.kind(), parameters.trainable());
    if setup.start.is_some() {
        let taken = parameters.transfer().taken;
        let trained = |name: &str| taken.contains(name) && !name.starts_with(EMBEDDING) && !name.starts_with(HEAD);
        optimizer.scale_rates(|name| if trained(name) { optimiser.backbone_lr } else { 1.0 });
    }
    let plan = setup.plan(&parameters);
    let mut task = Embedding::new(setup, network, head);
    let finished = fit::fit(&mut task, Start { parameters, optimizer, plan }, folder, observer, stop)?;
    Ok((finished, task.best()))
}
