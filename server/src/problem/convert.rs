//! From the errors of the parts to problems.

use pipeline::RecognizeError;
use review::ReviewError;
use store::StoreError;
use vision::DecodeError;

use super::{BadParameter, Problem, ProblemType};
use crate::inference::{JobError, Refused};
use crate::models::NotReady;
use crate::upload::UploadError;
use crate::wire::parameters::ParameterError;

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let kind = match error {
            UploadError::TooLarge { .. } | UploadError::TooManyPhotos { .. } => ProblemType::BodyTooLarge,
            UploadError::Busy => return Self::new(ProblemType::Overloaded, error).retry_after(1),
            UploadError::ContentType { .. } => ProblemType::UnsupportedContentType,
            UploadError::NoField | UploadError::SecondPhoto => ProblemType::MissingImage,
            UploadError::Broken
            | UploadError::Form { .. }
            | UploadError::UnexpectedField { .. }
            | UploadError::Json { .. }
            | UploadError::JsonImages { .. }
            | UploadError::Base64 { .. }
            | UploadError::DataUrl => ProblemType::MalformedBody,
        };
        Self::new(kind, error)
    }
}

impl From<&DecodeError> for Problem {
    fn from(error: &DecodeError) -> Self {
        let kind = match error {
            DecodeError::TooManyBytes { .. }
            | DecodeError::TooManyPixels { .. }
            | DecodeError::TooMuchScanning { .. } => ProblemType::ImageTooLarge,
            DecodeError::NotAPhoto { .. } => ProblemType::UnsupportedImage,
            // What a decoder's code says about its own state is for the log.
            DecodeError::Damaged { format, .. } => {
                let detail = format!("the {format} is damaged: send the original file");
                return Self::new(ProblemType::UndecodableImage, detail);
            }
            _ => ProblemType::UndecodableImage,
        };
        Self::new(kind, error)
    }
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Recognize(RecognizeError::Decode(error)) => Self::from(&error),
            JobError::Draw(_) => Self::new(
                ProblemType::ImageTooLarge,
                "the annotated photo does not fit a JPEG, which has at most 65,500 pixels a side; ask without annotate, \
                 or send a smaller photo",
            ),
            JobError::NoModels => Self::from(NotReady::Stopping),
            JobError::Cancelled | JobError::TooLate => {
                Self::new(ProblemType::TookTooLong, ProblemType::TookTooLong.row().meaning)
            }
            JobError::Cut(error) => error.into(),
            JobError::Recognize(_) | JobError::Panicked | JobError::NoExample => Self::internal(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full { retry_after_seconds } => Self::new(
                ProblemType::Overloaded,
                format_args!("as many photos wait as may; try again in {retry_after_seconds} s"),
            )
            .retry_after(retry_after_seconds),
            Refused::TooLate { expected, retry_after_seconds } => Self::new(
                ProblemType::Overloaded,
                format_args!(
                    "an answer would take about {:.1} s, too long for the time it is of use; try again in \
                     {retry_after_seconds} s",
                    expected.as_secs_f64()
                ),
            )
            .retry_after(retry_after_seconds),
            Refused::Stopping => Self::from(NotReady::Stopping),
            Refused::TimedOut { after } => Self::new(
                ProblemType::TookTooLong,
                format_args!(
                    "there was no answer within {} s; try again later, or with fewer tiles",
                    after.as_secs_f64()
                ),
            ),
            Refused::Failed(error) => error.into(),
        }
    }
}

impl From<NotReady> for Problem {
    fn from(why: NotReady) -> Self {
        let (kind, retry_after) = match why {
            NotReady::Loading => (ProblemType::NotReady, 1),
            NotReady::Failed => (ProblemType::ModelsUnavailable, 30),
            NotReady::Stopping => (ProblemType::Stopping, 5),
        };
        Self::new(kind, kind.row().meaning).retry_after(retry_after)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NotFound { .. } => ProblemType::UnknownItem,
            StoreError::Claimed { .. } => ProblemType::Claimed,
            StoreError::AlreadyLabelled { .. } => ProblemType::AlreadyLabelled,
            StoreError::SecondLook { .. } => ProblemType::SecondLook,
            StoreError::Changed { .. } => ProblemType::PhotoChanged,
            StoreError::TooOften { .. } => ProblemType::TooManyRequests,
            StoreError::NothingToUndo { .. } => ProblemType::NothingToUndo,
            StoreError::Quota { .. } => ProblemType::QuotaReached,
            StoreError::JobStatus { .. } => ProblemType::JobStatus,
            StoreError::CodeTaken { .. } => ProblemType::CodeTaken,
            StoreError::KeyReused { .. } => ProblemType::KeyReused,
            StoreError::Invalid { .. } => {
                let detail = error.to_string();
                let StoreError::Invalid { field, value, allowed } = error else { return Self::internal() };
                let parameter = BadParameter { name: field.to_owned(), value: Some(value), allowed: Some(allowed) };
                return Self { parameter: Some(parameter), ..Self::new(ProblemType::BadParameter, detail) };
            }
            StoreError::Unavailable { .. } => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the review queue failed");
                // What the database said is for the log.
                return Self::new(ProblemType::ReviewUnavailable, format_args!("{error}; try again in a moment"))
                    .retry_after(2);
            }
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "the review queue failed");
                return Self::internal();
            }
        };
        Self::new(kind, error)
    }
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Absent => Self::new(
                ProblemType::ReviewUnavailable,
                "there is no review queue: models are still being loaded, or `review.enabled` is false in pipeline.yaml",
            ),
            ReviewError::NotOpen => Self::new(
                ProblemType::ReviewUnavailable,
                "the review queue cannot be opened at the moment; the server tries again by itself, its log has the cause",
            )
            .retry_after(5),
            ReviewError::Store(error) => error.into(),
            ReviewError::Photo(error) => Self::from(&error),
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "the review queue failed");
                Self::internal()
            }
        }
    }
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        let detail = error.to_string();
        let (name, value, allowed) = match error {
            ParameterError::Unknown { name } | ParameterError::Repeated { name } => (name, None, None),
            ParameterError::Value { name, value, allowed } => (name, Some(value), Some(allowed)),
        };
        Self { parameter: Some(BadParameter { name, value, allowed }), ..Self::new(ProblemType::BadParameter, detail) }
    }
}

impl Problem {
    /// A parameter that has a value it may not have.
    pub(crate) fn parameter(name: &str, value: &str, allowed: &str) -> Self {
        let value = crate::upload::shorten(value);
        let detail = format!("{name} is {value:?}, but it must be {allowed}");
        let parameter = BadParameter { name: name.to_owned(), value: Some(value), allowed: Some(allowed.to_owned()) };
        Self { parameter: Some(parameter), ..Self::new(ProblemType::BadParameter, detail) }
    }

    /// Says nothing of what went wrong: that is for the log.
    pub(crate) fn internal() -> Self {
        Self::new(
            ProblemType::InternalError,
            "the server failed on this request and goes on serving; its log has the cause under this request_id",
        )
    }
}
