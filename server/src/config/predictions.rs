//! What is kept of answers.

use std::time::Duration;

use serde::Deserialize;
use vision::config::{Check, ConfigError};

/// As written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PredictionSettings {
    /// Whether answers are written into the store's log.
    pub log: bool,
    /// Days; 0 keeps them for ever.
    pub keep_days: u64,
}

impl Default for PredictionSettings {
    fn default() -> Self {
        Self { log: true, keep_days: 400 }
    }
}

/// As checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predictions {
    /// Whether answers are written into the store's log.
    pub log: bool,
    /// For how long; `None` for ever.
    pub keep: Option<Duration>,
}

impl PredictionSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<Predictions, ConfigError> {
        let days = check.within("predictions.keep_days", self.keep_days, 0, 36_500)?;
        Ok(Predictions { log: self.log, keep: (days > 0).then(|| Duration::from_secs(days * 86_400)) })
    }
}
