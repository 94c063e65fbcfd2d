//! Whether photos are kept, and for how long.

use std::time::Duration;

use serde::Deserialize;
use store::photos::PhotoRetention;
use vision::config::{Check, ConfigError};

/// As written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhotoSettings {
    /// Whether photos that were recognised are kept, with their answers.
    pub keep: bool,
    /// Fraction of them that is kept, 0 to 1.
    pub ratio: f32,
    /// Days; 0 keeps them for ever.
    pub keep_days: u64,
    /// Room for their files; 0 for as much as they want.
    pub max_gib: f64,
    /// People who must leave the same boxes before a photo counts as verified.
    pub looks: u32,
    /// How long a reviewer has a photo alone.
    pub claim_seconds: u64,
}

impl Default for PhotoSettings {
    fn default() -> Self {
        Self { keep: false, ratio: 1.0, keep_days: 90, max_gib: 100.0, looks: 1, claim_seconds: 600 }
    }
}

/// As checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Photos {
    /// Whether photos that were recognised are kept, with their answers.
    pub keep: bool,
    /// Fraction of them that is kept, 0 to 1.
    pub ratio: f32,
    /// What goes: never what people have verified.
    pub retention: PhotoRetention,
    /// People who must leave the same boxes before a photo counts as verified.
    pub looks: u32,
    /// How long a reviewer has a photo alone.
    pub claim: Duration,
}

impl PhotoSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<Photos, ConfigError> {
        let days = check.within("photos.keep_days", self.keep_days, 0, 36_500)?;
        let gib = check.within("photos.max_gib", self.max_gib, 0.0, 1e6)?;
        let claim = check.within("photos.claim_seconds", self.claim_seconds, 5, 86_400)?;
        Ok(Photos {
            keep: self.keep,
            ratio: check.fraction("photos.ratio", self.ratio)?,
            retention: PhotoRetention {
                max_age: (days > 0).then(|| Duration::from_secs(days * 86_400)),
                max_bytes: (gib > 0.0).then_some((gib * f64::from(1 << 30)) as u64),
            },
            looks: check.within("photos.looks", self.looks, 1, 2)?,
            claim: Duration::from_secs(claim),
        })
    }
}
