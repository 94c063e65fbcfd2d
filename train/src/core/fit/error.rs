//! Why a run ended before its time.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vision::model_card::CardError;

use crate::core::CheckpointError;
use crate::core::learner::OutputError;
use engine::EngineError;

/// Why a run ended before its time. `E` is what only its own kind of training can fail with: data, losses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FitError<E: Error + 'static> {
    /// A file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Weights.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// What is trained.
    #[error(transparent)]
    Task(E),
    /// Something in the setting does not fit.
    #[error("{0}")]
    Setup(String),
    /// Training ran away.
    #[error(
        "the {what} is {value} at step {step} (epoch {epoch}, batch {batch}); the images of that batch are {}. \
         The batch lies in {}. {advice}", names.join(", "), saved.display()
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
        /// Names of its images.
        names: Vec<String>,
        /// Where they were written.
        saved: PathBuf,
        /// What to try.
        advice: &'static str,
    },
}

impl<E: Error + 'static> From<OutputError> for FitError<E> {
    fn from(OutputError { path, source }: OutputError) -> Self {
        Self::Io { path, source }
    }
}
