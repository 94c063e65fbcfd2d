//! Bytes of a photo -> upright RGB pixels, within limits.

use crate::RgbImage;
use thiserror::Error;

/// What a photo may cost before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Size of the file in bytes.
    pub max_bytes: usize,
    /// Width times height.
    pub max_pixels: u64,
    /// Scans of a progressive JPEG.
    pub max_scans: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_bytes: 20 << 20, max_pixels: 50_000_000, max_scans: 100 }
    }
}

/// Why bytes are not a photo we take.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No bytes.
    #[error("the picture is empty: no bytes were sent")]
    Empty,
}

/// Decodes.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(_bytes: &[u8], _limits: &DecodeLimits) -> Result<RgbImage, DecodeError> {
    Err(DecodeError::Empty)
}
