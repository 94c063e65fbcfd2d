//! What configurations of trainers have in common.

use std::path::Path;

use hub::WeightsSource;
use serde::de::DeserializeOwned;
use vision::config::{self, Check, ConfigError, Keys, Renamed};

/// What a YAML text says. Keys by their old names are understood and warned of.
///
/// # Errors
/// When it is no YAML, or a key or value is not what a `T` has; `path` only names the file.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path, table: &[Renamed]) -> Result<T, ConfigError> {
    let file = serde_saphyr::from_str(text).map_err(|error| config::syntax(path, &error.to_string()))?;
    for key in serde_saphyr::from_str::<Keys>(text).unwrap_or_default().old(table) {
        tracing::warn!("{}: {key}", path.display());
    }
    Ok(file)
}

/// Weights: a path with its variables put in, or `hf://OWNER/REPO[@REVISION][/FILE]`.
///
/// # Errors
/// When a variable is not set or not closed, or the name is none of a file on a hub.
pub fn weights(check: &Check<'_>, key: &str, text: &str) -> Result<WeightsSource, ConfigError> {
    let path = check.place(key, text)?;
    WeightsSource::of(&path).map_err(|error| check.wrong(key, text, &error))
}
