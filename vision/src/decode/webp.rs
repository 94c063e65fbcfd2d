//! WebP -> RGB.

use std::io::{Cursor, ErrorKind};

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use super::orientation::Metadata;
use super::stored::Stored;
use super::{DecodeError, DecodeLimits, Decoded, Format, check_pixels, flatten_onto_white};
use crate::RgbImage;

/// What the chunks of the file say before anything is decoded.
#[derive(Default)]
struct Outline<'a> {
    /// Size by the extended header, if there is one.
    canvas: Option<(u32, u32)>,
    /// Size by the image data itself.
    frame: Option<(u32, u32)>,
    metadata: Metadata<'a>,
}

/// Size and metadata by the chunks.
pub(super) fn header(bytes: &[u8]) -> Result<Stored<'_>, DecodeError> {
    let outline = outline(bytes)?;
    let (width, height) =
        outline.frame.or(outline.canvas).ok_or_else(|| DecodeError::damaged(Format::WebP, "it holds no image"))?;
    Ok(Stored { width, height, metadata: outline.metadata })
}

/// Decodes a still image.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, DecodeError> {
    decode_whole(bytes, limits).map_err(|error| match error {
        // Nobody can tell damage from a missing end when the end is missing.
        DecodeError::Damaged { .. } if declared_length(bytes) > bytes.len() as u64 => {
            DecodeError::Truncated { format: Format::WebP }
        }
        error => error,
    })
}

fn decode_whole(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, DecodeError> {
    let outline = outline(bytes)?;
    let Some(frame) = outline.frame else {
        return Err(DecodeError::damaged(Format::WebP, "it holds no image"));
    };
    // The decoder allocates by the frame before it compares the two, so both are held against the limit here.
    for (width, height) in [frame, outline.canvas.unwrap_or(frame)] {
        if width == 0 || height == 0 {
            return Err(DecodeError::damaged(Format::WebP, "its width or height is 0"));
        }
        check_pixels(width, height, limits)?;
    }

    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(decode_error)?;
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    check_pixels(width, height, limits)?;
    let mut data = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut data).map_err(decode_error)?;
    if color == ColorType::Rgba8 {
        data = flatten_onto_white(data);
    }
    let pixels = RgbImage::from_raw(width, height, data)
        .ok_or_else(|| DecodeError::damaged(Format::WebP, "the image has another size than its header says"))?;
    Ok(Decoded { pixels, orientation: outline.metadata.orientation().0 })
}

/// The larger of the sizes that the chunks speak of.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let outline = outline(bytes).ok()?;
    let area = |(width, height): &(u32, u32)| u64::from(*width) * u64::from(*height);
    outline.canvas.into_iter().chain(outline.frame).max_by_key(area)
}

/// Walks the RIFF chunks: four letters, a little-endian length, the content, a byte of padding after an odd one.
fn outline(bytes: &[u8]) -> Result<Outline<'_>, DecodeError> {
    let mut outline = Outline::default();
    let mut rest = &bytes[12..];
    while let Some((head, after)) = rest.split_at_checked(8) {
        let (name, length) = (&head[..4], u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize);
        let (content, next) = after.split_at(length.min(after.len()));
        // Without the whole of its EXIF the photo might lie on its side.
        let needed = matches!(name, b"VP8 " | b"VP8L" | b"ALPH" | b"EXIF");
        if needed && content.len() < length {
            return Err(DecodeError::Truncated { format: Format::WebP });
        }
        match name {
            b"ANIM" | b"ANMF" => {
                return Err(DecodeError::Unsupported { format: Format::WebP, feature: "animation" });
            }
            b"VP8X" if outline.canvas.is_none() => {
                let c = content.first_chunk::<10>().ok_or(DecodeError::Truncated { format: Format::WebP })?;
                let side = |at: usize| u32::from_le_bytes([c[at], c[at + 1], c[at + 2], 0]) + 1;
                outline.canvas = Some((side(4), side(7)));
            }
            b"VP8 " if outline.frame.is_none() => outline.frame = lossy_size(content),
            b"VP8L" if outline.frame.is_none() => outline.frame = lossless_size(content),
            b"EXIF" => outline.metadata.exif(content),
            b"XMP " => outline.metadata.xmp(content),
            _ => {}
        }
        rest = &next[(length % 2).min(next.len())..];
    }
    Ok(outline)
}

/// Length of the file by its own header.
fn declared_length(bytes: &[u8]) -> u64 {
    u64::from(u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])) + 8
}

/// A VP8 key frame: three bytes of tag, three of start code, then 14 bits of width and of height (RFC 6386, 9.1).
fn lossy_size(content: &[u8]) -> Option<(u32, u32)> {
    let c = content.first_chunk::<10>()?;
    let side = |at: usize| u32::from(u16::from_le_bytes([c[at], c[at + 1]]) & 0x3fff);
    Some((side(6), side(8)))
}

/// A lossless image: a signature byte, then 14 bits of width and of height, each less one (RFC 9649, 3.4).
fn lossless_size(content: &[u8]) -> Option<(u32, u32)> {
    let c = content.first_chunk::<5>()?;
    let bits = u32::from_le_bytes([c[1], c[2], c[3], c[4]]);
    Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
}

fn decode_error(error: ImageError) -> DecodeError {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: Format::WebP }
        }
        error => DecodeError::damaged(Format::WebP, error),
    }
}
