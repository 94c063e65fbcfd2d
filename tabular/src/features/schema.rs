//! Which features: the schema file of an organisation, with the names that it has always had.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Lags, windows and columns, at most.
const MAX_LIST: usize = 64;
/// Rows of a window.
const MAX_WINDOW: usize = 10_000;

/// The schema file of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesSchema {
    /// Whose it is.
    pub organization_id: String,
    /// Which features.
    pub schema_config: SchemaConfig,
}

/// Which features are made of which columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SchemaConfig {
    /// Columns of numbers.
    pub continuous_columns: Vec<String>,
    /// Columns of true or false, which become 0 and 1.
    pub boolean_columns: Vec<String>,
    /// How long ago, in seconds.
    pub lag_seconds: Vec<u32>,
    /// Rows of a window, the present one included.
    pub rolling_windows: Vec<usize>,
}

impl Default for SchemaConfig {
    fn default() -> Self {
        Self {
            continuous_columns: Vec::new(),
            boolean_columns: Vec::new(),
            lag_seconds: vec![60, 120, 300],
            rolling_windows: vec![5, 10, 20],
        }
    }
}

/// A schema that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// A list that is too long.
    #[error("{list} has {found} entries; {MAX_LIST} are allowed")]
    TooMany {
        /// Which list.
        list: &'static str,
        /// Its entries.
        found: usize,
    },
    /// A window of no or too many rows.
    #[error("a rolling window has {0} rows, but it must have 2 to {MAX_WINDOW}")]
    Window(usize),
    /// A lag of nothing.
    #[error("a lag must be a second or more")]
    Lag,
}

impl SchemaConfig {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), SchemaError> {
        for (list, found) in [
            ("continuousColumns", self.continuous_columns.len()),
            ("booleanColumns", self.boolean_columns.len()),
            ("lagSeconds", self.lag_seconds.len()),
            ("rollingWindows", self.rolling_windows.len()),
        ] {
            if found > MAX_LIST {
                return Err(SchemaError::TooMany { list, found });
            }
        }
        if let Some(rows) = self.rolling_windows.iter().find(|rows| !(2..=MAX_WINDOW).contains(*rows)) {
            return Err(SchemaError::Window(*rows));
        }
        if self.lag_seconds.contains(&0) { Err(SchemaError::Lag) } else { Ok(()) }
    }
}
