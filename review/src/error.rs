//! Why the review queue cannot do what it was asked.

use classifier::gallery::GalleryError;
use store::StoreError;
use thiserror::Error;
use tokio::task::JoinError;
use vision::{DecodeError, ModelError};

/// Why the review queue cannot do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// Models are still being loaded, or review is switched off.
    #[error("there is no review queue")]
    Absent,
    /// Its store could not be opened yet; it is tried again.
    #[error("the review queue is not open")]
    NotOpen,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What labels say does not fit the gallery.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// A stored photo cannot be decoded.
    #[error(transparent)]
    Photo(#[from] DecodeError),
    /// The embedder failed on a crop.
    #[error(transparent)]
    Embedder(#[from] ModelError),
    /// A crop that no JPEG can hold, or that has no embedding.
    #[error("the crop cannot be kept")]
    Crop,
    /// A thread of it panicked.
    #[error("work on the review queue panicked")]
    Panicked(#[from] JoinError),
}
