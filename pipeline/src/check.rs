//! Holds what a user wrote to its range, and names file and key when it is out of it.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use crate::config::ConfigError;

/// Turns a value out of range into an error that names file and key.
pub(crate) struct Check<'a> {
    pub(crate) path: &'a Path,
}

impl Check<'_> {
    pub(crate) fn share(&self, key: &'static str, value: f32) -> Result<f32, ConfigError> {
        self.within(key, value, 0.0, 1.0)
    }

    // NaN is in no range, so it is refused too.
    pub(crate) fn within<T: PartialOrd + Display + Copy>(
        &self,
        key: &'static str,
        value: T,
        low: T,
        high: T,
    ) -> Result<T, ConfigError> {
        if value >= low && value <= high {
            Ok(value)
        } else {
            Err(self.wrong(key, value, format!("it must lie within {low} and {high}")))
        }
    }

    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str, text: &str) -> Result<T, ConfigError> {
        text.parse().map_err(|e: T::Err| self.wrong(key, text, e.to_string()))
    }

    fn wrong(&self, key: &'static str, value: impl Display, allowed: String) -> ConfigError {
        ConfigError::Value { path: self.path.to_owned(), key, value: value.to_string(), allowed }
    }
}
