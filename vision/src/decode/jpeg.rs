//! JPEG -> RGB.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::jpeg_outline::{self, Outline};
use super::{DecodeError, DecodeLimits, Decoded, Format, orientation};
use crate::RgbImage;

/// Decodes strictly: a file that ends early is an error. Bytes behind the end of the picture (a second picture, a maker's
/// trailer) do not matter, nor does a missing end marker when the picture itself is whole.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, DecodeError> {
    let outline = jpeg_outline::read(bytes, limits)?;
    let (width, height) = (outline.width, outline.height);
    let data = pixels(&outline).map_err(|error| {
        if !outline.ended || ran_out(&error) {
            DecodeError::Truncated { format: Format::Jpeg }
        } else {
            DecodeError::damaged(Format::Jpeg, error)
        }
    })?;
    let pixels = RgbImage::from_raw(width, height, data)
        .ok_or_else(|| DecodeError::damaged(Format::Jpeg, "the picture has another size than its header says"))?;
    Ok(Decoded { pixels, orientation: orientation(outline.exif.unwrap_or_default()) })
}

// zune-jpeg itself rather than through `image`: the wrapper decodes leniently, so that half a file gives half a picture
// and no error, and it offers no limit of scans.
fn pixels(outline: &Outline<'_>) -> Result<Vec<u8>, DecodeErrors> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(outline.scans)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(outline.stream.as_slice()), options);
    decoder.decode_headers()?;
    let mut data = vec![0; outline.width as usize * outline.height as usize * 3];
    decoder.decode_into(&mut data)?;
    Ok(data)
}

/// Whether the decoder wanted more data than there was.
fn ran_out(error: &DecodeErrors) -> bool {
    match error {
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => true,
        DecodeErrors::FormatStatic(text) => text.starts_with("Premature end"),
        DecodeErrors::Format(text) => text.starts_with("Code length"),
        _ => false,
    }
}
