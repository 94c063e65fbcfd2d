//! What decoding a photo takes, read from its header before a byte is allocated.

use super::{FileKind, Format, heic, jpeg_outline, png, sniff, webp};

/// The decoded image, and its copy when it is turned upright.
const PIXELS: u64 = 3 + 3;
/// What decoders keep beside it, bytes a pixel: all coefficients of a progressive JPEG, four channels of the others.
const PROGRESSIVE: u64 = 8;
const FOUR_CHANNELS: u64 = 4;

/// Bytes that decoding this file may take at its peak, file aside; 0 when it is no photo, which decoding will say.
///
/// A small file may hold a large image: a WebP of 46 bytes is 49 million white pixels, which take half a gigabyte. Whoever
/// decodes several files at a time sets so much aside before.
#[must_use]
pub fn memory(bytes: &[u8]) -> u64 {
    let format = match sniff::sniff(bytes) {
        Err(FileKind::Heic) => Format::Heic,
        Ok(format) => format,
        Err(_) => return 0,
    };
    let (size, beside) = match format {
        Format::Jpeg => match jpeg_outline::frame_of(bytes) {
            Some((width, height, progressive)) => (Some((width, height)), if progressive { PROGRESSIVE } else { 0 }),
            None => (None, 0),
        },
        Format::Png => (png::dimensions(bytes).ok(), FOUR_CHANNELS),
        Format::WebP => (webp::size(bytes), FOUR_CHANNELS),
        // What the process that decodes it may take, beside ours.
        Format::Heic => (heic::outline(bytes).ok().map(|outline| outline.largest), heic::BYTES_A_PIXEL),
    };
    // A header may say anything: 2^31 pixels a side are more bytes than there are numbers.
    size.map_or(0, |(width, height)| (u64::from(width) * u64::from(height)).saturating_mul(PIXELS + beside))
}
