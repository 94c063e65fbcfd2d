//! One photo on its way through the workers, and what comes back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pipeline::{RecognizeError, RecognizeOptions, Recognizer, Timing};
use review::{Cut, Prepared, ReviewError, Source};
use store::photos::NewPhoto;
use store::predictions::NewPrediction;
use thiserror::Error;
use tokio::sync::oneshot;
use vision::{BBox, Cancel, Decision, DecodeError};

use super::batcher::Entry;
use crate::predictions::Occasion;
use crate::request_id::RequestId;
use crate::served::Served;
use crate::upload::Upload;
use crate::wire::answer::RecognizeAnswer;
use crate::wire::parameters::GalleryChoice;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct JobRequest {
    pub(crate) id: RequestId,
    /// The photo, and the share of the upload budget it holds until it is answered.
    pub(crate) upload: Upload,
    /// What it was accepted with: it is answered with this, whatever takes its place meanwhile.
    pub(crate) served: Arc<Served>,
    /// Of which test, and which side of it, while one runs.
    pub(crate) arm: Option<Arc<str>>,
    pub(crate) options: RecognizeOptions,
    pub(crate) gallery: GalleryChoice,
    pub(crate) format: AnswerFormat,
    /// Where and when the photo was taken.
    pub(crate) occasion: Occasion,
    /// Where the photo comes from: none fills the review queue alone.
    pub(crate) source: Source,
}

/// What the answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerFormat {
    /// The JSON of [`crate::wire`].
    Json {
        /// Whether it carries the annotated image.
        annotate: bool,
        /// Whether facings carry their embeddings.
        embeddings: bool,
    },
    /// The annotated image alone.
    Jpeg,
}

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct Job {
    /// Who asks.
    pub(crate) client: IpAddr,
    pub(crate) enqueued: Instant,
    /// It is of a batch, and waits until nobody else does.
    pub(crate) patient: bool,
    /// Nobody wants an answer later.
    pub(crate) deadline: Instant,
    /// Whether anybody still waits.
    pub(crate) cancel: Cancel,
    pub(crate) work: Work,
}

/// What a worker does, and whom it tells.
#[derive(Debug)]
pub(crate) enum Work {
    /// Recognises a photo.
    Photo {
        /// What is asked.
        request: Box<JobRequest>,
        /// Who waits.
        reply: oneshot::Sender<Result<Answer, JobError>>,
    },
    /// Says what images show that are facings as a whole.
    Crops {
        /// What they are answered with.
        served: Arc<Served>,
        /// Files.
        images: Vec<Bytes>,
        /// Candidates wanted of each.
        top_k: usize,
        /// Who waits.
        reply: oneshot::Sender<Result<Classified, JobError>>,
    },
    /// Cuts a box out of a photo and embeds it.
    Cut {
        /// A file.
        photo: Bytes,
        /// Pixels of the upright photo.
        bbox: BBox,
        /// Who waits.
        reply: oneshot::Sender<Result<Cut, JobError>>,
    },
}

impl Entry for Job {
    fn is_abandoned(&self) -> bool {
        match &self.work {
            Work::Photo { reply, .. } => reply.is_closed(),
            Work::Crops { reply, .. } => reply.is_closed(),
            Work::Cut { reply, .. } => reply.is_closed(),
        }
    }

    fn client(&self) -> IpAddr {
        self.client
    }

    fn is_patient(&self) -> bool {
        self.patient
    }

    fn fits_with(&self, other: &Self) -> bool {
        match (&self.work, &other.work) {
            (Work::Photo { request, .. }, Work::Photo { request: other, .. }) => {
                Arc::ptr_eq(&request.served, &other.served)
                    && request.options == other.options
                    && request.gallery == other.gallery
            }
            _ => false,
        }
    }
}

/// What crops show, each by itself: one that is no image takes nothing from the others.
#[derive(Debug)]
pub(crate) struct Classified {
    /// In the order they came.
    pub(crate) crops: Vec<Result<Decision, DecodeError>>,
    /// What decided.
    pub(crate) recognizer: Recognizer,
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
    /// For the log of answers, once it was given.
    pub(crate) prediction: Option<Box<NewPrediction>>,
    /// To be kept, once it was given.
    pub(crate) photo: Option<Box<NewPhoto>>,
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
    /// A box could not be cut out.
    #[error(transparent)]
    Cut(ReviewError),
    /// The annotated image does not fit a JPEG.
    #[error("the annotated image cannot be written as JPEG")]
    Draw(#[source] vision::EncodeError),
    /// Nobody waits any more, or not for as long as it takes.
    #[error("nobody waits for the answer any more")]
    Cancelled,
    /// It was its turn too late to be done in time.
    #[error("there is no time left for an answer")]
    TooLate,
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
