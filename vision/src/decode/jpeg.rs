//! JPEG -> RGB.
//!
//! libjpeg-turbo decodes: its pixels are those of OpenCV, Pillow and every tool built on them, to the bit, so a network
//! sees here what it saw in training elsewhere.

use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat};

use super::jpeg_outline::{self, Outline};
use super::{DecodeError, DecodeLimits, Decoded, Format};
use crate::RgbImage;

/// Decodes strictly: a file that ends early is an error. Bytes behind the end of the image (a second image, a maker's
/// trailer) do not matter, nor does a missing end marker when the image itself is whole.
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
        .ok_or_else(|| DecodeError::damaged(Format::Jpeg, "the image has another size than its header says"))?;
    Ok(Decoded { pixels, orientation: outline.metadata.orientation().0 })
}

fn pixels(outline: &Outline<'_>) -> turbojpeg::Result<Vec<u8>> {
    let mut decompressor = Decompressor::new()?;
    decompressor.set_scan_limit(u32::try_from(outline.scans).unwrap_or(u32::MAX))?;
    let inks = matches!(decompressor.read_header(&outline.stream)?.colorspace, Colorspace::CMYK | Colorspace::YCCK);
    let format = if inks { PixelFormat::CMYK } else { PixelFormat::RGB };
    let (width, height) = (outline.width as usize, outline.height as usize);
    let pitch = width * format.size();
    let mut data = vec![0; pitch * height];
    let image = Image { pixels: data.as_mut_slice(), width, pitch, height, format };
    match decompressor.decompress(&outline.stream, image) {
        // The library goes on after a warning and then returns the first one. Every other warning means that pixels were
        // made up.
        Err(warning) if outline.scans == 1 && stray_bytes_at_the_end(&warning) => {}
        result => result?,
    }
    Ok(if inks { inks_to_rgb(data) } else { data })
}

/// Inverted CMYK (Adobe's way: 255 is no ink) to RGB, in place: four bytes a pixel become three.
fn inks_to_rgb(mut cmyk: Vec<u8>) -> Vec<u8> {
    let pixels = cmyk.len() / 4;
    for pixel in 0..pixels {
        let [c, m, y, k] = [0, 1, 2, 3].map(|at| u32::from(cmyk[pixel * 4 + at]));
        for (at, ink) in [c, m, y].into_iter().enumerate() {
            cmyk[pixel * 3 + at] = ((ink * k + 127) / 255) as u8;
        }
    }
    cmyk.truncate(pixels * 3);
    cmyk
}

/// libjpeg's words for bytes between the last block and the end marker, which some cameras write.
fn stray_bytes_at_the_end(warning: &turbojpeg::Error) -> bool {
    warning.to_string().contains("extraneous bytes before marker 0xd9")
}

/// Whether the decoder wanted more data than there was, in libjpeg's words.
fn ran_out(error: &turbojpeg::Error) -> bool {
    let text = error.to_string();
    ["remature end", "found marker 0xd9 instead of RST"].iter().any(|words| text.contains(words))
}
