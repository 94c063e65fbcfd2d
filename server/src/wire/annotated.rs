//! The annotated photo as JPEG.

use bytes::Bytes;
use pipeline::Recognizer;
use pipeline::annotate::{AnnotateOptions, annotate};
use vision::{EncodeError, Recognition, RgbImage, encode_jpeg};

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
) -> Result<Bytes, EncodeError> {
    let image = annotate(image, recognition, recognizer, &AnnotateOptions::default());
    encode_jpeg(&image, QUALITY).map(Bytes::from)
}
