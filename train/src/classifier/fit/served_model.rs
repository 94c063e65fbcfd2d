//! The averaged network as it is served.

use std::path::Path;

use crate::core::{Ema, RunFolder};
use engine::{CandleSession, Device, Precision, Weights};
use vision::crop::CropRule;
use vision::model_card::Task;
use vision::{ModelCard, Sha256};

use super::{FitError, Setup};
use crate::classifier::config::TrainConfig;
use crate::classifier::network::{HEAD, served};
use crate::classifier::validate::Validation;
use classifier::model::{EmbedderNetwork, Heads};
use classifier::{EmbedderSpec, SessionEmbedder};

/// The average's weights as they are served; errors speak of `path`. With a fraction of the weights it started from: between what
/// was learned and what was known before lie networks that are better at both (Wortsman et al. 2022).
///
/// # Errors
/// When a number is not finite.
pub fn weights(setup: &Setup, ema: &Ema, path: &Path) -> Result<Weights, FitError> {
    let mut weights = ema.weights(path)?;
    if let (Some(start), ratio) = (&setup.start, setup.config.start_ratio as f32)
        && ratio > 0.0
    {
        for (name, shape, before) in start.iter().filter(|(name, ..)| !name.starts_with(HEAD)) {
            if weights.shape(name) == Some(shape) {
                let learned = weights.take(name, shape)?;
                let mixed = learned.iter().zip(before).map(|(a, b)| a + ratio * (b - a)).collect();
                weights.insert(name, shape, mixed)?;
            }
        }
    }
    Ok(served(&weights, setup.config.backbone)?)
}

/// The network of native weights, run by candle.
///
/// # Errors
/// When the weights are not of this network.
pub fn session(weights: &Weights, config: &TrainConfig, device: &Device) -> Result<CandleSession, FitError> {
    let heads = Heads { classes: None, ..Heads::of(weights) };
    let network = weights.build(device, |vb| EmbedderNetwork::load(vb, config.backbone, heads))?;
    Ok(CandleSession::of_images(Box::new(network), weights.metadata().clone(), device))
}

/// An embedder of native weights, run by candle.
///
/// # Errors
/// When the weights are not of this network.
pub fn embedder(weights: &Weights, config: &TrainConfig, device: &Device) -> Result<SessionEmbedder, FitError> {
    let session = session(weights, config, device)?;
    let spec = EmbedderSpec {
        name: config.name.clone(),
        weights: Sha256::of(config.name.as_bytes()),
        plan: config.plan(),
        crop: CropRule::default(),
        output: None,
        dimension: None,
    };
    SessionEmbedder::new(Box::new(session), spec).map_err(|error| FitError::Setup(error.to_string()))
}

/// Writes `best.safetensors` with its card.
///
/// # Errors
/// When it cannot be written.
pub fn save(setup: &Setup, folder: &RunFolder, ema: &Ema, validation: Option<&Validation>) -> Result<(), FitError> {
    let path = folder.best();
    weights(setup, ema, &path)?.save(&path, Precision::F32)?;
    let metrics = validation
        .map(|v| v.metrics().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect());
    let card = ModelCard {
        name: setup.config.name.clone(),
        architecture: setup.config.backbone.to_string(),
        weights: "best.safetensors".to_owned(),
        sha256: Sha256::of_file(&path).map_err(|source| FitError::Io { path: path.clone(), source })?,
        embedding_dim: Some(setup.config.dimension),
        crop: Some(CropRule::default()),
        metrics: metrics.unwrap_or_default(),
        data: setup.data.clone(),
        license: setup.license.clone(),
        ..ModelCard::new(Task::Embedder, setup.config.plan())
    };
    card.write_beside(&path)?;
    Ok(())
}
