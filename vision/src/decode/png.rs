//! PNG -> RGB.

use std::io::{Cursor, ErrorKind};

use png::{ColorType, DecodingError, Transformations};

use super::orientation::Metadata;
use super::stored::Stored;
use super::{DecodeError, DecodeLimits, Decoded, Format, check_pixels, flatten_onto_white};
use crate::RgbImage;

/// Where the header chunk must lie: right behind the eight bytes of signature, length first.
const HEADER: usize = 8;

/// Decodes at eight bits a channel, so that a 16-bit image never takes twice the memory of its limit.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, DecodeError> {
    let (width, height) = dimensions(bytes)?;
    check_pixels(width, height, limits)?;

    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    // Compressed text and colour profiles are of no use here and could be bombs of their own.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(decode_error)?;
    let size = reader.output_buffer_size().ok_or_else(|| decode_error(DecodingError::LimitsExceeded))?;
    let mut data = vec![0; size];
    let frame = reader.next_frame(&mut data).map_err(decode_error)?;
    data.truncate(frame.buffer_size());

    let data = match frame.color_type {
        ColorType::Rgb => data,
        ColorType::Rgba => flatten_onto_white(data),
        ColorType::Grayscale => data.iter().flat_map(|&grey| [grey; 3]).collect(),
        ColorType::GrayscaleAlpha => flatten_onto_white(
            data.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect(),
        ),
        ColorType::Indexed => return Err(DecodeError::damaged(Format::Png, "the palette is missing")),
    };
    // A frame smaller than the image it belongs to fails here.
    let pixels = RgbImage::from_raw(width, height, data)
        .ok_or_else(|| DecodeError::damaged(Format::Png, "the image has another size than its header says"))?;
    Ok(Decoded { pixels, orientation: metadata(bytes).orientation().0 })
}

/// Size and metadata by the chunks.
pub(super) fn header(bytes: &[u8]) -> Result<Stored<'_>, DecodeError> {
    let (width, height) = dimensions(bytes)?;
    Ok(Stored { width, height, metadata: metadata(bytes) })
}

/// The metadata chunks, which may come after the pixels: length, four letters, content, four bytes of checksum. When what
/// follows the pixels is broken they are still good. XMP is a text chunk under a name of its own, here only uncompressed.
fn metadata(bytes: &[u8]) -> Metadata<'_> {
    let mut metadata = Metadata::default();
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((content, next)) = after.split_at_checked(length) else { break };
        match &head[4..] {
            b"eXIf" => metadata.exif(content),
            b"iTXt" => {
                if let Some(packet) = content.strip_prefix(b"XML:com.adobe.xmp\0\0") {
                    metadata.xmp(packet);
                }
            }
            b"IEND" => break,
            _ => {}
        }
        rest = next.get(4..).unwrap_or_default();
    }
    metadata
}

/// Width and height from the header chunk.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
    let header = bytes.get(HEADER..HEADER + 16).ok_or(DecodeError::Truncated { format: Format::Png })?;
    if &header[4..8] != b"IHDR" {
        return Err(DecodeError::damaged(Format::Png, "it does not begin with its header"));
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (width, height) = (number(8), number(12));
    if width == 0 || height == 0 {
        return Err(DecodeError::damaged(Format::Png, "its width or height is 0"));
    }
    Ok((width, height))
}

fn decode_error(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: Format::Png }
        }
        error => DecodeError::damaged(Format::Png, error),
    }
}
