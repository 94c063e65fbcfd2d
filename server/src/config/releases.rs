//! How a server follows what is in production.

use std::time::Duration;

use serde::Deserialize;
use vision::config::{Check, ConfigError};

/// As written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseSettings {
    /// Whether a server of a release goes over to another version as soon as that is in production, whoever promoted it.
    pub follow: bool,
    /// Seconds between two looks at what is in production.
    pub look: f64,
}

impl Default for ReleaseSettings {
    fn default() -> Self {
        Self { follow: true, look: 1.0 }
    }
}

/// As checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Releases {
    /// Whether a server of a release goes over to another version as soon as that is in production, whoever promoted it.
    pub follow: bool,
    /// Time between two looks at what is in production.
    pub look: Duration,
}

impl ReleaseSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<Releases, ConfigError> {
        let look = check.within("releases.look", self.look, 0.05, 3_600.0)?;
        Ok(Releases { follow: self.follow, look: Duration::from_secs_f64(look) })
    }
}
