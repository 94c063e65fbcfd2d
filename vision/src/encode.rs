//! RGB -> JPEG, by the library that decodes it: several times faster than encoders in Rust.

use thiserror::Error;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::RgbImage;

/// An image that cannot be written as JPEG: a side is 0 or above 65,500 pixels, or memory ran out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an image of {width}x{height} cannot be written as JPEG: {reason}")]
pub struct EncodeError {
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Why, in the library's words.
    pub reason: String,
}

/// A baseline JPEG at a quality of `1..=100`, with colour at half the resolution, as telephones write them.
///
/// # Errors
/// When a side is 0 or above 65,500 pixels.
pub fn encode_jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = image.dimensions();
    let pixels = Image {
        pixels: image.as_raw().as_slice(),
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: PixelFormat::RGB,
    };
    let encode = || {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(quality.clamp(1, 100).into())?;
        compressor.set_subsamp(Subsamp::Sub2x2)?;
        compressor.compress_to_vec(pixels)
    };
    encode().map_err(|error: turbojpeg::Error| EncodeError { width, height, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeLimits, decode};

    #[test]
    fn what_is_written_is_read_again() {
        let soft = |x: u32, y: u32| image::Rgb([(x * 2) as u8, (y * 3) as u8, 90]);
        for (width, height) in [(1, 1), (7, 3), (96, 64)] {
            let image = RgbImage::from_fn(width, height, soft);
            let sizes = [95, 60].map(|quality| {
                let bytes = encode_jpeg(&image, quality).unwrap();
                let again = decode(&bytes, &DecodeLimits::default()).unwrap();
                assert_eq!(again.dimensions(), image.dimensions());
                let off = image.as_raw().iter().zip(again.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(off.unwrap() < 24, "{width}x{height} at {quality}: {off:?}");
                bytes.len()
            });
            assert!(sizes[0] >= sizes[1]);
        }
        assert!(encode_jpeg(&RgbImage::new(0, 5), 90).is_err());
    }
}
