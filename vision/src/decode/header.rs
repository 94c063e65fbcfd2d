//! What a photo's header says, without decoding it: the same reading as [`super::decode`]'s.

use image::metadata::Orientation;

use super::orientation::UnusualForm;
use super::{DecodeError, DecodeLimits, Format, check_pixels, heic, jpeg_outline, png, webp};

/// Size and orientation of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its format.
    pub format: Format,
    /// Width of the upright image.
    pub width: u32,
    /// Height of the upright image.
    pub height: u32,
    /// Whether it is stored turned or mirrored.
    pub turned: bool,
    /// The form of its orientation, where other programs do not read it.
    pub unusual: Option<UnusualForm>,
}

/// Reads the header of a photo.
///
/// # Errors
/// As [`super::decode`] for what the header alone tells.
pub fn header(bytes: &[u8], limits: &DecodeLimits) -> Result<Header, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    if bytes.len() > limits.max_bytes {
        return Err(DecodeError::TooManyBytes { actual: bytes.len(), limit: limits.max_bytes });
    }
    let format = super::format(bytes)?;
    let stored = match format {
        Format::Jpeg => jpeg_outline::header(bytes)?,
        Format::Png => png::header(bytes)?,
        Format::WebP => webp::header(bytes)?,
        Format::Heic => {
            let heic::Outline { width, height, turned, .. } = heic::outline(bytes)?;
            check_pixels(width, height, limits)?;
            return Ok(Header { format, width, height, turned, unusual: None });
        }
    };
    check_pixels(stored.width, stored.height, limits)?;
    let (orientation, unusual) = stored.metadata.orientation();
    let quarter = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let (width, height) = if quarter { (stored.height, stored.width) } else { (stored.width, stored.height) };
    Ok(Header { format, width, height, turned: orientation != Orientation::NoTransforms, unusual })
}
