//! Opening the images of a data set.

use std::path::{Path, PathBuf};

use thiserror::Error;
use vision::decode::header;
use vision::{DecodeError, DecodeLimits, RgbImage};

use crate::files::{FileError, read_bounded};

/// An image that cannot be used.
#[derive(Debug, Error)]
pub enum ImageFileError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its bytes are no image that is taken.
    #[error("cannot decode {path}")]
    Decode {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: DecodeError,
    },
    /// Its header cannot be understood.
    #[error("the size of the image {path} cannot be read")]
    Header {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: DecodeError,
    },
}

/// Reads and decodes an image, upright.
///
/// # Errors
/// When the file cannot be read or decoded within the project's limits.
pub fn load(path: &Path) -> Result<RgbImage, ImageFileError> {
    let limits = DecodeLimits::default();
    let bytes = read_bounded(path, limits.max_bytes as u64)?;
    vision::decode(&bytes, &limits).map_err(|source| ImageFileError::Decode { path: path.to_owned(), source })
}

/// Width and height of the upright image, from its header alone.
///
/// # Errors
/// When the file cannot be read or has no header that is understood.
pub fn upright_size(path: &Path) -> Result<(u32, u32), ImageFileError> {
    let limits = DecodeLimits::default();
    let bytes = read_bounded(path, limits.max_bytes as u64)?;
    let header = header(&bytes, &limits).map_err(|source| ImageFileError::Header { path: path.to_owned(), source })?;
    Ok((header.width, header.height))
}
