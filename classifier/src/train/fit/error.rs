//! Why a run ended before its time.

use std::io;
use std::path::PathBuf;

use engine::EngineError;
use engine::train::CheckpointError;
use thiserror::Error;
use vision::model_card::CardError;

use crate::LoadError;
use crate::train::DataError;

/// Why a run ended before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FitError {
    /// A file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Weights.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Weights to start from.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Something in the setting does not fit.
    #[error("{0}")]
    Setup(String),
    /// Training ran away.
    #[error(
        "the {what} is {value} at step {step} (epoch {epoch}, batch {batch}); the pictures of that batch are {}. The batch \
         lies in {}. Lower the learning rate, or the scale of the metric head", names.join(", "), saved.display()
    )]
    NotFinite {
        /// Loss or gradient.
        what: String,
        /// NaN or infinite.
        value: f64,
        /// Optimiser step.
        step: u64,
        /// Epoch, counted from 1.
        epoch: u64,
        /// Batch, counted from 1.
        batch: usize,
        /// Some of its pictures.
        names: Vec<String>,
        /// Where they were written.
        saved: PathBuf,
    },
}
