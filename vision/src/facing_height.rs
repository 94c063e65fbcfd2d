//! How tall facings must be on a detector's input to be found well: what decides at which scale a photo is looked at.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Heights of facings, in pixels of the network's input. A property of the weights, measured by
/// `shelf eval detector --by-height` and kept in their model card.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FacingHeight {
    /// Below it many are missed.
    pub min: f32,
    /// Photos are scaled so that the median facing gets this height.
    pub best: f32,
    /// Above it many are missed, or cut in parts.
    pub max: f32,
}

/// Heights that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("facing heights {min}, {best}, {max} must be pixels from 1 to 4096, min below best and best below max")]
pub struct HeightError {
    min: f32,
    best: f32,
    max: f32,
}

impl Default for FacingHeight {
    /// Of networks whose card says nothing.
    fn default() -> Self {
        Self { min: 24.0, best: 64.0, max: 320.0 }
    }
}

impl FacingHeight {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// When a height is not finite, out of `1..=4096`, or not in order.
    pub fn validate(&self) -> Result<(), HeightError> {
        let Self { min, best, max } = *self;
        // Written so that NaN fails.
        let sound = min >= 1.0 && best > min && max > best && max <= 4096.0;
        if sound { Ok(()) } else { Err(HeightError { min, best, max }) }
    }

    /// How far a height is from the best, as a factor of at least 1; infinite for what has no height.
    #[must_use]
    pub fn off(&self, height: f32) -> f32 {
        if height > 0.0 { (height / self.best).max(self.best / height) } else { f32::INFINITY }
    }

    /// Whether facings of this height are found well.
    #[must_use]
    pub fn contains(&self, height: f32) -> bool {
        (self.min..=self.max).contains(&height)
    }
}
