//! Why a weights file is no embedder.

use std::path::PathBuf;

use engine::{ChoiceError, EngineError};
use thiserror::Error;
use vision::model_card::CardError;

use crate::infer::SpecError;
use crate::model::{ParseArchitectureError, Variant};

/// Why a weights file is no embedder, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The card cannot be read, or is another file's.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card speaks of a detector.
    #[error("the model card of {path} says it is a detector; an embedder is needed")]
    Task {
        /// Path of the file.
        path: PathBuf,
    },
    /// Nothing says how images are prepared for it.
    #[error(
        "nothing says how images are prepared for {path}: write the model card {card} beside it (input size, mean, \
         std, filter), or let `shelf models import` write one"
    )]
    NoCard {
        /// Path of the file.
        path: PathBuf,
        /// Where the card is expected.
        card: PathBuf,
    },
    /// The card names a network that candle has not.
    #[error(
        "candle cannot run {path}: {source}; correct `architecture` in the model card, or use ONNX Runtime (`make setup`)"
    )]
    Architecture {
        /// Path of the file.
        path: PathBuf,
        /// What the card says.
        source: ParseArchitectureError,
    },
    /// The tensors are of no network that candle has.
    #[error(
        "candle cannot run {path}: its tensors are those of no EfficientNet-Lite0 or B0 to B4 in floating point; use ONNX \
         Runtime for this network (`make setup`)"
    )]
    Foreign {
        /// Path of the file.
        path: PathBuf,
    },
    /// The card names another network than the tensors make.
    #[error("the model card of {path} says {card}, but its weights are {found}: correct `architecture` in the card")]
    CardArchitecture {
        /// Path of the file.
        path: PathBuf,
        /// What the card says.
        card: Variant,
        /// What the weights are.
        found: Variant,
    },
    /// The engine chosen cannot run such a file.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The engine cannot open or run it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It runs, but not as an embedder of this plan.
    #[error("{path}: {source}")]
    Spec {
        /// Path of the file.
        path: PathBuf,
        /// What does not fit.
        source: SpecError,
    },
}
