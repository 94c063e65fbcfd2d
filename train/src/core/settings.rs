//! What only configurations of trainers say.

use hub::WeightsSource;
use vision::config::{Check, ConfigError};

/// Weights: a path with its variables put in, or `hf://OWNER/REPO[@REVISION][/FILE]`.
///
/// # Errors
/// When a variable is not set or not closed, or the name is none of a file on a hub.
pub fn weights(check: &Check<'_>, key: &str, text: &str) -> Result<WeightsSource, ConfigError> {
    let place = check.place(key, text)?;
    WeightsSource::of(&place).map_err(|error| check.wrong(key, text, &error))
}
