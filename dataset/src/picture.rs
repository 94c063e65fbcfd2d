//! Opening the pictures of a data set.

use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};
use thiserror::Error;
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
        source: image::ImageError,
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
    let (width, height, orientation) =
        header(&bytes).map_err(|source| PictureError::Header { path: path.to_owned(), source })?;
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        let source = DecodeError::TooManyPixels { width, height, limit: limits.max_pixels };
        return Err(PictureError::Decode { path: path.to_owned(), source });
    }
    Ok(if is_quarter_turn(orientation) { (height, width) } else { (width, height) })
}

/// Whether the bytes of a picture ask to be turned or mirrored when shown.
pub(crate) fn is_turned(bytes: &[u8]) -> bool {
    header(bytes).is_ok_and(|(_, _, orientation)| orientation != Orientation::NoTransforms)
}

fn header(bytes: &[u8]) -> Result<(u32, u32, Orientation), image::ImageError> {
    let reader = ImageReader::new(BufReader::new(Cursor::new(bytes))).with_guessed_format()?;
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    // A broken EXIF block says nothing; the pixels are taken as they lie.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((width, height, orientation))
}

fn is_quarter_turn(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}
