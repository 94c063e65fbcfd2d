//! Photometric augmentation: light, colours, blur and JPEG.

use jpeg_encoder::{ColorType, Encoder};
use thiserror::Error;
use vision::{DecodeLimits, RgbImage};

use vision::rng::Rng;

/// An image does not go through JPEG.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an image of {width}x{height} cannot go through JPEG: {reason}")]
pub struct JpegError {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What the encoder or decoder said.
    pub reason: String,
}

/// Gamma between 0.6 and 1.7, and up to a third less light on one side.
pub fn relight(image: &mut RgbImage, rng: &mut Rng) {
    let gamma = rng.range(-0.5, 0.5).exp();
    let (slope_x, slope_y) = (rng.range(-0.33, 0.33), rng.range(-0.33, 0.33));
    let curve: [f32; 256] = std::array::from_fn(|level| (level as f32 / 255.0).powf(gamma) * 255.0);
    let (width, height) = (image.width() as f32, image.height() as f32);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let gain = 1.0 + slope_x * (x as f32 / width - 0.5) + slope_y * (y as f32 / height - 0.5);
        pixel.0 = pixel.0.map(|level| (curve[usize::from(level)] * gain + 0.5) as u8);
    }
}

/// Turns the hue by `turn` (fraction of the circle) and multiplies saturation and value.
pub fn recolour(image: &mut RgbImage, turn: f32, saturation: f32, value: f32) {
    for pixel in image.pixels_mut() {
        let [r, g, b] = pixel.0.map(f32::from);
        let (high, low) = (r.max(g).max(b), r.min(g).min(b));
        let spread = high - low;
        let top = (high * value).min(255.0);
        if spread <= 0.0 {
            pixel.0 = [(top + 0.5) as u8; 3];
            continue;
        }
        // Sixths of the circle.
        let hue = if high == r {
            (g - b) / spread
        } else if high == g {
            (b - r) / spread + 2.0
        } else {
            (r - g) / spread + 4.0
        };
        let hue = (hue + turn * 6.0).rem_euclid(6.0);
        let bottom = top * (1.0 - (spread / high * saturation).min(1.0));
        let channel = |offset: f32| {
            let at = (hue + offset).rem_euclid(6.0);
            let fraction = (at - 3.0).abs() - 1.0;
            (bottom + (top - bottom) * fraction.clamp(0.0, 1.0) + 0.5) as u8
        };
        pixel.0 = [channel(0.0), channel(4.0), channel(2.0)];
    }
}

/// Binomial 3x3, rows and columns one after the other.
pub fn blur(image: &mut RgbImage) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mix = |a: u8, b: u8, c: u8| ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) / 4) as u8;
    let source = image.as_raw().clone();
    let mut rows = source.clone();
    for y in 0..height {
        for x in 0..width {
            let (before, after) = (x.saturating_sub(1), (x + 1).min(width - 1));
            for channel in 0..3 {
                let at = |x: usize| source[(y * width + x) * 3 + channel];
                rows[(y * width + x) * 3 + channel] = mix(at(before), at(x), at(after));
            }
        }
    }
    for (at, out) in image.iter_mut().enumerate() {
        let (y, rest) = (at / (width * 3), at % (width * 3));
        let row = |y: usize| rows[y * width * 3 + rest];
        *out = mix(row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
    }
}

/// As it looks after JPEG of this quality, 1 to 100.
///
/// # Errors
/// When it is too large for JPEG.
pub fn through_jpeg(image: &RgbImage, quality: u8) -> Result<RgbImage, JpegError> {
    let (width, height) = image.dimensions();
    let failed = |reason: String| JpegError { width, height, reason };
    let mut bytes = Vec::with_capacity(1 << 17);
    Encoder::new(&mut bytes, quality)
        .encode(image.as_raw(), width as u16, height as u16, ColorType::Rgb)
        .map_err(|error| failed(error.to_string()))?;
    vision::decode(&bytes, &DecodeLimits::default()).map_err(|error| failed(error.to_string()))
}
