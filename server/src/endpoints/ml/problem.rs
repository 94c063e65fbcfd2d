//! What the registry refuses, as clients see it.

use store::StoreError;

use crate::problem::{Problem, ProblemType};

pub(super) fn of(error: StoreError) -> Problem {
    let kind = match &error {
        StoreError::NotFound { .. } => ProblemType::UnknownModel,
        StoreError::VersionTaken { .. } => ProblemType::VersionTaken,
        StoreError::Status { .. } => ProblemType::WrongStatus,
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
