//! What can go wrong inside a loaded network, seen from above the engines.

use std::error::Error as StdError;

use thiserror::Error;

/// A network could not give an answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The engine failed to run the network.
    #[error("inference failed")]
    Inference(#[source] Box<dyn StdError + Send + Sync>),
    /// The network answered something else than its card promises.
    #[error("the network answered {found}, expected {expected}; its file and its model card do not belong together")]
    UnexpectedOutput {
        /// What the card promises.
        expected: String,
        /// What came out.
        found: String,
    },
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Cancelled,
    /// Vectors of another embedder were mixed in.
    #[error("embedding has {found} components, the gallery holds {expected}")]
    Dimension {
        /// Components of the gallery.
        expected: usize,
        /// Components of the query.
        found: usize,
    },
}

impl ModelError {
    /// Wraps an engine's error.
    pub fn inference(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Inference(source.into())
    }
}
