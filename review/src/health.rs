//! Whether the review queue works.

use std::time::Duration;

use crate::Review;

/// Longest wait for the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// What operators are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewHealth {
    /// Switched off, or models are not loaded.
    Off,
    /// The database answers.
    Ok,
    /// It does not, or it failed a moment ago.
    Unavailable,
}

impl ReviewHealth {
    /// Stable spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Review {
    /// Asks the database.
    pub async fn health(&self) -> ReviewHealth {
        let Some(queue) = self.queue() else { return ReviewHealth::Off };
        let Some(store) = queue.store().filter(|_| !queue.rests()) else { return ReviewHealth::Unavailable };
        match tokio::time::timeout(PATIENCE, store.ping()).await {
            Ok(Ok(())) => ReviewHealth::Ok,
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the review queue does not answer");
                ReviewHealth::Unavailable
            }
            Err(_) => ReviewHealth::Unavailable,
        }
    }
}
