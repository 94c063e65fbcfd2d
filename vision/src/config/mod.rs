//! Reading what the user wrote: bounds, paths with variables, and errors that name file and key.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::files::{FileError, read_text_bounded};
use crate::secret::redacted;

mod renamed;
mod spelling;

pub use renamed::{Keys, OldKey, Renamed};

/// Largest configuration file read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// What the process knows of its surroundings; the binary asks the environment.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read, or is absurdly large.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key that does not exist.
    #[error("{path}: there is no key `{key}` here{}: {reason}", nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    Key {
        /// Path of the file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The key that is spelled most like it.
        nearest: Option<String>,
        /// Where, and what may stand there.
        reason: String,
    },
    /// Not YAML, or a value of the wrong kind.
    #[error("{path}: {reason}")]
    Syntax {
        /// Path of the file or folder.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value out of its range.
    #[error("{path}: `{key}` is {value}, but {allowed}")]
    Value {
        /// Path of the file.
        path: PathBuf,
        /// Dotted name.
        key: String,
        /// What it says.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// A path speaks of a variable that is not set.
    #[error("{path}: `{key}` needs the environment variable {variable}: set it, or write `${{{variable}:-DEFAULT}}`")]
    Variable {
        /// Path of the file.
        path: PathBuf,
        /// Dotted name.
        key: String,
        /// The variable.
        variable: String,
    },
}

/// The text of a configuration file.
///
/// # Errors
/// When it cannot be read or is absurdly large.
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    Ok(read_text_bounded(path, MAX_CONFIG_BYTES)?)
}

/// What a YAML reader said, as an error: unknown keys get the nearest right one.
#[must_use]
pub fn syntax(path: &Path, reason: &str) -> ConfigError {
    // The lines that it shows may hold the database's password.
    let (path, reason) = (path.to_owned(), redacted(reason));
    match spelling::unknown_field(&reason) {
        Some((key, nearest)) => ConfigError::Key { path, key, nearest, reason },
        None => ConfigError::Syntax { path, reason },
    }
}

/// Turns what cannot be into an error that names file and key.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    /// The file, for errors.
    pub path: &'a Path,
    /// What `${NAME}` stands for.
    pub variables: Variables<'a>,
}

impl<'a> Check<'a> {
    /// Of a file whose paths hold no variables.
    #[must_use]
    pub fn of(path: &'a Path) -> Self {
        Self { path, variables: &|_| None }
    }

    /// `value`, when it lies within these bounds. NaN is in no range, so it is refused too.
    ///
    /// # Errors
    /// [`ConfigError::Value`] otherwise.
    pub fn within<T: PartialOrd + Display + Copy>(
        &self,
        key: &str,
        value: T,
        low: T,
        high: T,
    ) -> Result<T, ConfigError> {
        if value >= low && value <= high {
            Ok(value)
        } else {
            Err(self.wrong(key, value, &format!("it must lie within {low} and {high}")))
        }
    }

    /// A number from 0 to 1.
    ///
    /// # Errors
    /// [`ConfigError::Value`] otherwise.
    pub fn fraction(&self, key: &str, value: f32) -> Result<f32, ConfigError> {
        self.within(key, value, 0.0, 1.0)
    }

    /// What a text stands for.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it stands for nothing.
    pub fn parsed<T: FromStr<Err: Display>>(&self, key: &str, text: &str) -> Result<T, ConfigError> {
        text.parse().map_err(|error| self.wrong(key, text, &error))
    }

    /// The error about a key that says what it may not say.
    #[must_use]
    pub fn wrong(&self, key: &str, value: impl Display, allowed: &dyn Display) -> ConfigError {
        let (key, value, allowed) = (key.to_owned(), value.to_string(), allowed.to_string());
        ConfigError::Value { path: self.path.to_owned(), key, value, allowed }
    }

    /// `name`, when it can be that of a folder.
    ///
    /// # Errors
    /// [`ConfigError::Value`] otherwise.
    pub fn name(&self, name: String) -> Result<String, ConfigError> {
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(fits) {
            return Ok(name);
        }
        Err(self.wrong("name", format!("{name:?}"), &"it names a folder: letters, digits, `-`, `_` and `.`"))
    }

    /// A path with its variables put in.
    ///
    /// # Errors
    /// When a variable is not set or not closed.
    pub fn place(&self, key: &str, text: &str) -> Result<PathBuf, ConfigError> {
        let mut place = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inside, after)) = after.split_once('}') else {
                return Err(self.wrong(key, text, &"a `${` is not closed"));
            };
            let (variable, fallback) = match inside.split_once(":-") {
                Some((variable, fallback)) => (variable, Some(fallback.to_owned())),
                None => (inside, None),
            };
            let value = (self.variables)(variable).filter(|value| !value.is_empty()).or(fallback);
            place.push_str(before);
            place.push_str(&value.ok_or_else(|| ConfigError::Variable {
                path: self.path.to_owned(),
                key: key.to_owned(),
                variable: variable.to_owned(),
            })?);
            rest = after;
        }
        place.push_str(rest);
        Ok(place.into())
    }
}
