//! The annotated photo as JPEG.

use bytes::Bytes;
use image::ImageError;
use image::codecs::jpeg::JpegEncoder;
use pipeline::Recognizer;
use pipeline::annotate::{AnnotateOptions, annotate};
use vision::{Recognition, RgbImage};

/// Sharp enough to read labels on a crowded shelf.
const QUALITY: u8 = 88;

/// Draws what was recognised and encodes it.
///
/// # Errors
/// When the photo is wider or higher than a JPEG can be.
pub(crate) fn annotated_jpeg(
    image: &RgbImage,
    recognition: &Recognition,
    recognizer: &Recognizer,
) -> Result<Bytes, ImageError> {
    let picture = annotate(image, recognition, recognizer, &AnnotateOptions::default());
    let mut bytes = Vec::with_capacity(picture.as_raw().len() / 8);
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture)?;
    Ok(bytes.into())
}
