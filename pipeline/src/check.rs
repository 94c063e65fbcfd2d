//! Holds what a user wrote to its range, and names file and key when it is out of it.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use crate::config::ConfigError;

/// Turns a value out of range into an error that names file and key.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The file that says so.
    pub path: &'a Path,
}

impl Check<'_> {
    /// A number from 0 to 1.
    ///
    /// # Errors
    /// When it is none.
    pub fn share(&self, key: &'static str, value: f32) -> Result<f32, ConfigError> {
        self.within(key, value, 0.0, 1.0)
    }

    /// A value from `low` to `high`; NaN lies nowhere.
    ///
    /// # Errors
    /// When it lies outside.
    pub fn within<T: PartialOrd + Display + Copy>(
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

    /// What a text stands for.
    ///
    /// # Errors
    /// When it stands for nothing.
    pub fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str, text: &str) -> Result<T, ConfigError> {
        text.parse().map_err(|e: T::Err| self.wrong(key, text, e.to_string()))
    }

    fn wrong(&self, key: &'static str, value: impl Display, allowed: String) -> ConfigError {
        ConfigError::Value { path: self.path.to_owned(), key, value: value.to_string(), allowed }
    }
}
