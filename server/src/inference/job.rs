//! One photo on its way through the workers, and what comes back.

use std::time::Instant;

use bytes::Bytes;
use pipeline::{RecognizeError, RecognizeOptions, Timing};
use review::Prepared;
use thiserror::Error;
use tokio::sync::oneshot;

use super::batcher::Entry;
use crate::request_id::RequestId;
use crate::upload::Upload;
use crate::wire::answer::RecognizeAnswer;
use crate::wire::parameters::GalleryChoice;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct JobRequest {
    pub(crate) id: RequestId,
    /// The photo, and the share of the upload budget it holds until it is answered.
    pub(crate) upload: Upload,
    pub(crate) options: RecognizeOptions,
    pub(crate) gallery: GalleryChoice,
    pub(crate) format: AnswerFormat,
}

/// What the answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerFormat {
    /// The JSON of [`crate::wire`].
    Json {
        /// Whether it carries the annotated picture.
        annotate: bool,
        /// Whether facings carry their embeddings.
        embeddings: bool,
    },
    /// The annotated picture alone.
    Jpeg,
}

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: JobRequest,
    pub(crate) enqueued: Instant,
    pub(crate) reply: oneshot::Sender<Result<Answer, JobError>>,
}

impl Entry for Job {
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn fits_with(&self, other: &Self) -> bool {
        self.request.options == other.request.options && self.request.gallery == other.request.gallery
    }
}

/// A finished answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    /// Encoded, so async threads only move it.
    Encoded(Bytes),
    /// Still to be told what of it was queued.
    Open(Box<RecognizeAnswer>),
}

/// A finished answer, and what of it goes into the review queue.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: AnswerBody,
    pub(crate) review: Option<Box<Prepared>>,
    pub(crate) content_type: &'static str,
    pub(crate) summary: Summary,
}

/// What the log says about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) photo_bytes: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) facings: usize,
    pub(crate) unknown: u32,
    pub(crate) queue: std::time::Duration,
    pub(crate) timing: Timing,
}

/// Why a photo has no answer.
#[derive(Debug, Error)]
pub(crate) enum JobError {
    /// The photo or a network.
    #[error(transparent)]
    Recognize(#[from] RecognizeError),
    /// The annotated picture does not fit a JPEG.
    #[error("the annotated picture cannot be written as JPEG")]
    Draw(#[source] vision::EncodeError),
    /// The code panicked on this photo.
    #[error("recognition panicked")]
    Panicked,
    /// The example was asked for and cannot be made.
    #[error("there is no example")]
    NoExample,
    /// Models were taken away while it waited.
    #[error("no models are loaded")]
    NoModels,
}
