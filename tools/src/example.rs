//! The example that comes with the program: a synthetic shelf, and images of what stands on it.

use bytes::Bytes;
use pipeline::{ExampleError, ExampleSku, Recognizer, example_recognizer};

include!(concat!(env!("OUT_DIR"), "/example.rs"));

/// The photo, as a JPEG.
pub(crate) fn photo() -> Bytes {
    Bytes::from_static(PHOTO)
}

/// `served` over the example's own gallery.
///
/// # Errors
/// When the embedder fails on its images.
pub(crate) fn recognizer(served: &Recognizer) -> Result<Recognizer, ExampleError> {
    example_recognizer(served, SKUS)
}
