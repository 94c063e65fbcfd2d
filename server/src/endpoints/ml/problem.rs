//! What the registry and the platform refuse, as clients see it.

use platform::PlatformError;
use store::StoreError;
use tabular::read::{ReadError, SheetError};

use crate::problem::{Problem, ProblemType};

pub(super) fn of(error: StoreError) -> Problem {
    let kind = match &error {
        StoreError::NotFound { what: "data set", .. } => ProblemType::UnknownDataSet,
        StoreError::NotFound { what: "job", .. } => ProblemType::UnknownJob,
        StoreError::NotFound { what: "A/B test" | "prediction", .. } => ProblemType::UnknownTest,
        StoreError::NotFound { .. } => ProblemType::UnknownModel,
        StoreError::VersionTaken { .. } => ProblemType::VersionTaken,
        StoreError::Status { .. } | StoreError::AbTest { .. } => ProblemType::WrongStatus,
        StoreError::NameTaken { .. } => ProblemType::NameTaken,
        StoreError::NotPassed { .. } => ProblemType::GatesNotPassed,
        StoreError::NothingBefore { .. } => ProblemType::NothingBefore,
        StoreError::Unavailable { .. } => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the registry failed");
            return Problem::new(ProblemType::StoreUnavailable, format_args!("{error}; try again in a moment"))
                .retry_after(2);
        }
        _ => return Problem::from(error),
    };
    Problem::new(kind, error)
}

pub(super) fn of_platform(error: PlatformError) -> Problem {
    let kind = match &error {
        PlatformError::Format { .. } | PlatformError::Read(ReadError::Sheet(SheetError::NoWorkbook { .. })) => {
            ProblemType::UnsupportedTable
        }
        PlatformError::TooLarge { .. }
        | PlatformError::Read(
            ReadError::TooManyBytes { .. }
            | ReadError::TooManyRows { .. }
            | ReadError::TooManyColumns { .. }
            | ReadError::TooManyCells { .. },
        ) => ProblemType::TableTooLarge,
        PlatformError::Read(ReadError::Io(_)) | PlatformError::Temporary(_) | PlatformError::Inside => {
            tracing::error!(error = &error as &dyn std::error::Error, "an operation on a table failed");
            return Problem::internal();
        }
        PlatformError::Read(_) => ProblemType::UnreadableTable,
        PlatformError::Table(_)
        | PlatformError::Clean(_)
        | PlatformError::Split(_)
        | PlatformError::Train(_)
        | PlatformError::Search(_)
        | PlatformError::Forecast(_)
        | PlatformError::Rows(_)
        | PlatformError::Prepare(_) => ProblemType::UnfitTable,
        PlatformError::ModelFormat { .. } => ProblemType::WrongStatus,
        PlatformError::Parameter { name, value, allowed } => return Problem::parameter(name, value, allowed),
        PlatformError::Busy { retry_after_seconds, .. } => {
            let seconds = *retry_after_seconds;
            return Problem::new(ProblemType::Overloaded, error).retry_after(seconds);
        }
        PlatformError::TooManyAtOnce { .. } => {
            return Problem::new(ProblemType::TooManyRequests, error).retry_after(2);
        }
        PlatformError::TookTooLong { .. } => ProblemType::TookTooLong,
        PlatformError::NoStore => {
            return Problem::new(ProblemType::StoreUnavailable, "this server was started without a store");
        }
        _ => {
            return match error {
                PlatformError::Store(error) => of(error),
                error => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an operation on a table failed");
                    Problem::internal()
                }
            };
        }
    };
    Problem::new(kind, error)
}
