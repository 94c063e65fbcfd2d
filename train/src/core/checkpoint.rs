//! Everything needed to go on with a run as if nothing had happened, in one safetensors file.
//!
//! Tensors are called `model/<parameter>`, `ema/<parameter>` and `optimizer/<parameter>/<what>`; the rest is metadata under
//! `shelf.training`. Written beside and renamed: a full disk or a killed process leaves the last whole checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ema::weights_of;
use super::{Ema, Optimizer, Parameters};
use engine::{EngineError, Precision, Weights};

const KEY: &str = "shelf.training";

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is trained, with everything that shapes the network: another one cannot go on from here.
    pub architecture: String,
    /// Whole epochs done.
    pub epochs: u64,
    /// Optimiser steps done, warm-up and schedule go by them.
    pub steps: u64,
    /// Batches done of the epoch that was interrupted; 0 at its start.
    pub batches: u64,
    /// Best fitness so far.
    pub best: Option<f64>,
    /// The epoch of `best`.
    pub best_epoch: Option<u64>,
    /// Seed of the run.
    pub seed: u64,
    /// State of the trainer itself, as JSON.
    pub extra: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    progress: Progress,
    optimizer_steps: u64,
    ema_updates: u64,
}

/// Why a run cannot go on from a file, or a file was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It cannot be read or written.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It is no checkpoint.
    #[error("{} is no checkpoint of a training run ({reason}): give the last.safetensors of a run", path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// It is of another network.
    #[error("{} is of {found}, this run trains {wanted}: resume with the configuration it was begun with", path.display())]
    OtherArchitecture {
        /// The file.
        path: PathBuf,
        /// What the file is of.
        found: String,
        /// What this run trains.
        wanted: String,
    },
}

/// A checkpoint that was read.
#[derive(Debug)]
pub struct Checkpoint {
    /// Where the run was.
    pub progress: Progress,
    path: PathBuf,
    model: BTreeMap<String, Tensor>,
    ema: (BTreeMap<String, Tensor>, u64),
    optimizer: (BTreeMap<String, Tensor>, u64),
}

impl Checkpoint {
    /// Writes a checkpoint, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::Engine`] when it cannot be written.
    pub fn save(
        path: &Path,
        parameters: &Parameters,
        optimizer: &Optimizer,
        ema: &Ema,
        progress: &Progress,
    ) -> Result<(), CheckpointError> {
        let model = parameters.all().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
        let ((average, ema_updates), (state, optimizer_steps)) = (ema.state(), optimizer.state());
        let mut all = Weights::new(path);
        for (prefix, tensors) in [("model", &model), ("ema", average), ("optimizer", state)] {
            for (name, shape, values) in weights_of(tensors, path)?.iter() {
                all.insert(format!("{prefix}/{name}"), shape, values.to_vec())?;
            }
        }
        let meta = Meta { progress: progress.clone(), optimizer_steps, ema_updates };
        let meta = serde_json::to_string(&meta).map_err(|error| not_one(path, &error))?;
        all.metadata_mut().insert(KEY.to_owned(), meta);
        Ok(all.save(path, Precision::F32)?)
    }

    /// Reads a checkpoint of `architecture`.
    ///
    /// # Errors
    /// When it cannot be read, is no checkpoint, or is of another network.
    pub fn open(path: &Path, architecture: &str, device: &Device) -> Result<Self, CheckpointError> {
        let file = Weights::open(path)?;
        let meta = file.metadata().get(KEY).ok_or_else(|| not_one(path, &"it holds weights only"))?;
        let meta: Meta = serde_json::from_str(meta).map_err(|error| not_one(path, &error))?;
        if meta.progress.architecture != architecture {
            return Err(CheckpointError::OtherArchitecture {
                path: path.to_owned(),
                found: meta.progress.architecture,
                wanted: architecture.to_owned(),
            });
        }
        let part = |prefix: &str| {
            let tensor = |(name, shape, values): (&str, &[usize], &[f32])| {
                let name = name.strip_prefix(prefix)?.strip_prefix('/')?.to_owned();
                Some(Tensor::from_slice(values, shape, device).map(|tensor| (name, tensor)))
            };
            file.iter().filter_map(tensor).collect::<candle_core::Result<_>>().map_err(|error| not_one(path, &error))
        };
        Ok(Self {
            progress: meta.progress,
            path: path.to_owned(),
            model: part("model")?,
            ema: (part("ema")?, meta.ema_updates),
            optimizer: (part("optimizer")?, meta.optimizer_steps),
        })
    }

    /// Puts everything back where it was.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    pub fn restore(
        self,
        parameters: &Parameters,
        optimizer: &mut Optimizer,
        ema: &mut Ema,
    ) -> Result<Progress, CheckpointError> {
        parameters.restore(&self.model).map_err(|error| not_one(&self.path, &error))?;
        ema.restore(self.ema.0, self.ema.1);
        optimizer.restore(self.optimizer.0, self.optimizer.1);
        Ok(self.progress)
    }
}

fn not_one(path: &Path, reason: &dyn std::fmt::Display) -> CheckpointError {
    CheckpointError::NotOne { path: path.to_owned(), reason: reason.to_string() }
}
