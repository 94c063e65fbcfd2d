//! Opening the pictures of a data set.

use std::path::{Path, PathBuf};

use thiserror::Error;
use vision::decode::header;
use vision::{DecodeError, DecodeLimits, RgbImage};

use crate::files::{FileError, read_bounded};

/// A picture that cannot be used.
#[derive(Debug, Error)]
pub enum PictureError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its bytes are no picture that is taken.
    #[error("cannot decode {path}")]
    Decode {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DecodeError,
    },
    /// Its header cannot be understood.
    #[error("the size of the picture {path} cannot be read")]
    Header {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DecodeError,
    },
}

/// Reads and decodes a picture, upright.
///
/// # Errors
/// When the file cannot be read or decoded within the project's limits.
pub fn load(path: &Path) -> Result<RgbImage, PictureError> {
    let limits = DecodeLimits::default();
    let bytes = read_bounded(path, limits.max_bytes as u64)?;
    vision::decode(&bytes, &limits).map_err(|source| PictureError::Decode { path: path.to_owned(), source })
}

/// Width and height of the upright picture, from its header alone.
///
/// # Errors
/// When the file cannot be read or has no header that is understood.
pub fn upright_size(path: &Path) -> Result<(u32, u32), PictureError> {
    let limits = DecodeLimits::default();
    let bytes = read_bounded(path, limits.max_bytes as u64)?;
    let header = header(&bytes, &limits).map_err(|source| PictureError::Header { path: path.to_owned(), source })?;
    Ok((header.width, header.height))
}
