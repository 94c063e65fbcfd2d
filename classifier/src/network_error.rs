//! Why the network in a weights file is no embedder.

use std::path::PathBuf;

use engine::backbones::ParseBackboneError;
use thiserror::Error;

use crate::infer::SpecError;

/// Why a weights file cannot be loaded as an embedder.
pub type LoadError = engine::load::LoadError<NetworkError>;

/// Why the network in a weights file is no embedder, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Nothing says how images are prepared for it.
    #[error(
        "nothing says how images are prepared for it: write the model card {card} beside it (input size, mean, std, \
         filter), or let `shelf models import` write one"
    )]
    NoCard {
        /// Where the card is expected.
        card: PathBuf,
    },
    /// The card names a network that candle has not.
    #[error("candle cannot run it: {0}; correct `architecture` in the model card, or use ONNX Runtime (`make setup`)")]
    Architecture(#[source] ParseBackboneError),
    /// The tensors are of no network that candle has.
    #[error(
        "candle cannot run it: its tensors are those of no EfficientNet-Lite0 or B0 to B4 in floating point; use ONNX Runtime \
         for this network (`make setup`)"
    )]
    Foreign,
    /// It runs, but not as an embedder of this plan.
    #[error(transparent)]
    Spec(SpecError),
}
