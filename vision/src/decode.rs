//! Bytes of a photo -> upright RGB pixels, within limits.
//!
//! JPEG, PNG and WebP, and HEIC where libheif is installed ([`heic`]), are recognised by their content, never by a name or a
//! content type; anything else is refused with an error that says what it is. Sizes are read from the headers and held against [`DecodeLimits`] before a single pixel
//! is allocated. What comes out is always upright ([`UnusualForm`] says what is read) and 8-bit RGB:
//!
//! - grey is repeated in three channels, palettes are looked up, 16 bits are cut to the upper 8, CMYK and YCCK are
//!   converted the way Adobe's inverted files and Pillow have it;
//! - transparent pixels are laid on white: that is how shops show cut-out product images, and the colour stored under
//!   full transparency is arbitrary (often black);
//! - of an animated PNG the default image is taken, as its specification wants from viewers that do not animate. An
//!   animated WebP has no such image and is refused;
//! - colour profiles are ignored: networks are trained on pixels as they are stored.

mod cost;
mod header;
pub mod heic;
mod jpeg;
mod jpeg_outline;
mod orient;
mod orientation;
mod png;
mod sniff;
mod stored;
mod webp;

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use thiserror::Error;

use crate::RgbImage;

pub use cost::memory;
pub use header::{Header, header};
pub use orientation::UnusualForm;
pub use sniff::FileKind;

/// What a photo may cost before it is refused.
///
/// A decoded photo takes 3 bytes a pixel; while it is decoded, a progressive JPEG takes up to 6 more (8 for CMYK), a
/// image with transparency 4. Turning a photo upright takes another 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Size of the file in bytes.
    pub max_bytes: usize,
    /// Width times height.
    pub max_pixels: u64,
    /// Scans of a progressive JPEG: each one passes over the whole image, so a small file can keep a decoder busy.
    pub max_scans: usize,
    /// Pixels of all its components that these scans pass over together: what they cost. An ordinary image of ten scans,
    /// its colours at half size, passes over eight times its pixels.
    pub max_scan_pixels: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_bytes: 20 << 20, max_pixels: 50_000_000, max_scans: 100, max_scan_pixels: 1_000_000_000 }
    }
}

/// A format of photos we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG: baseline and progressive, Huffman-coded, 8 bits.
    Jpeg,
    /// PNG, any colour type and depth.
    Png,
    /// WebP: lossy and lossless, still.
    WebP,
    /// HEIC: HEVC, still, decoded by libheif in a process of its own.
    Heic,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Heic => "HEIC",
        })
    }
}

/// Why bytes are not a photo we take.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No bytes.
    #[error("the image is empty: no bytes were sent")]
    Empty,
    /// The file is larger than allowed.
    #[error("the file has {actual} bytes, more than the {limit} allowed: send a smaller or more compressed photo")]
    TooManyBytes {
        /// Bytes sent.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Some other kind of file.
    #[error("this is {found}, not a photo that can be read: send a JPEG, PNG or WebP{}", found.remedy())]
    NotAPhoto {
        /// Kind found.
        found: FileKind,
    },
    /// The image is larger than allowed.
    #[error(
        "the image has {width} x {height} pixels, {:.1} million, more than the {:.1} million allowed: send a smaller photo",
        megapixels(u64::from(*width) * u64::from(*height)), megapixels(*limit)
    )]
    TooManyPixels {
        /// Width by the header.
        width: u32,
        /// Height by the header.
        height: u32,
        /// Pixels allowed.
        limit: u64,
    },
    /// A progressive JPEG that would keep the decoder busy.
    #[error(
        "the JPEG has {actual} progressive scans, more than the {limit} allowed: save it again as an ordinary JPEG"
    )]
    TooManyScans {
        /// Scans in the file.
        actual: usize,
        /// Scans allowed.
        limit: usize,
    },
    /// A large progressive JPEG of many scans.
    #[error(
        "the scans of the progressive JPEG pass over {:.0} million pixels, more than the {:.0} million allowed: save it again \
         as an ordinary JPEG", megapixels(*actual), megapixels(*limit)
    )]
    TooMuchScanning {
        /// Pixels of all components in all scans.
        actual: u64,
        /// Pixels allowed.
        limit: u64,
    },
    /// The end of the file is missing.
    #[error("the {format} is truncated: its end is missing; send the whole file again")]
    Truncated {
        /// What it began as.
        format: Format,
    },
    /// A rare variant of a format.
    #[error("this {format} uses {feature}, which is not supported: save it again as an ordinary {format}")]
    Unsupported {
        /// What it is.
        format: Format,
        /// Which variant.
        feature: &'static str,
    },
    /// Its decoder, a process of its own, cannot be started.
    #[error("the HEIC cannot be decoded here ({source}): send it as JPEG")]
    NotDecoded {
        /// Why not.
        source: std::io::Error,
    },
    /// The content contradicts the format.
    #[error("the {format} is damaged ({source}): send the original file")]
    Damaged {
        /// What it began as.
        format: Format,
        /// What the decoder says.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl DecodeError {
    fn damaged(format: Format, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Damaged { format, source: source.into() }
    }
}

/// Pixels as they are stored, and how to turn them upright.
struct Decoded {
    pixels: RgbImage,
    orientation: Orientation,
}

/// Decodes a photo into upright RGB pixels. Width and height of the result are at least 1.
///
/// # Errors
/// When the bytes are no JPEG, PNG or WebP (nor HEIC, where that is read), exceed `limits`, are truncated or are damaged. A file that lacks its end is
/// never half an image: what is missing would go uncounted.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    if bytes.len() > limits.max_bytes {
        return Err(DecodeError::TooManyBytes { actual: bytes.len(), limit: limits.max_bytes });
    }
    let format = format(bytes)?;
    // The decoders are other people's code fed with strangers' bytes: should one of them panic, that file is
    // damaged and the process goes on. Nothing of the decoder's state outlives the call.
    let decoded = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::Png => png::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Heic => heic::decode(bytes, limits),
    }))
    .unwrap_or_else(|panic| Err(DecodeError::damaged(format, panic_message(&*panic))))?;
    Ok(orient::upright(decoded.pixels, decoded.orientation))
}

/// The format of a photo that is read here.
fn format(bytes: &[u8]) -> Result<Format, DecodeError> {
    match sniff::sniff(bytes) {
        Err(FileKind::Heic) if heic::available() => Ok(Format::Heic),
        found => found.map_err(|found| DecodeError::NotAPhoto { found }),
    }
}

fn check_pixels(width: u32, height: u32, limits: &DecodeLimits) -> Result<(), DecodeError> {
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(DecodeError::TooManyPixels { width, height, limit: limits.max_pixels });
    }
    Ok(())
}

fn megapixels(pixels: u64) -> f64 {
    pixels as f64 / 1e6
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the decoder gave up: {}", text.unwrap_or("no reason given"))
}

/// RGBA laid on white, in place: four bytes a pixel become three.
fn flatten_onto_white(mut rgba: Vec<u8>) -> Vec<u8> {
    let pixels = rgba.len() / 4;
    for pixel in 0..pixels {
        let [r, g, b, alpha] = [0, 1, 2, 3].map(|at| u32::from(rgba[pixel * 4 + at]));
        for (at, value) in [r, g, b].into_iter().enumerate() {
            // 255 * 255 + 127 over 255: rounded to nearest, and exact for alpha 0 and 255.
            rgba[pixel * 3 + at] = ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    rgba.truncate(pixels * 3);
    rgba
}
