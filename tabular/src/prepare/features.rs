//! Columns to features: numbers as they are, flags as 0 and 1, times as days, words one-hot.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::matrix::Matrix;
use crate::stats::{ascending, quantile};
use crate::table::{Categories, Column, Kind, Table, Values};

/// Words of a column that become features; the others are all zeros.
const MAX_WORDS: usize = 50;
/// Features of a table.
const MAX_FEATURES: usize = 20_000;
/// Numbers that a table may become: 2 GB.
const MAX_CELLS: usize = 250_000_000;
const MICROS_OF_A_DAY: f64 = 86_400e6;

/// One number that is made of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// The column.
    pub column: String,
    /// What the column holds.
    pub kind: Kind,
    /// Of a column of words: the word that this feature is 1 for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// What a missing value becomes: the median of the training rows; 0 for words.
    pub missing: f64,
}

impl Feature {
    /// Its name: the column's, with the word after it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.word {
            Some(word) => format!("{}={word}", self.column),
            None => self.column.clone(),
        }
    }
}

/// What is made of a table, learned from its training rows and applied to all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The features, in order.
    pub features: Vec<Feature>,
    /// Columns that tell nothing: constant, or without any value.
    pub left_out: Vec<String>,
}

/// A table that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrepareError {
    /// Nothing to learn from.
    #[error("no column tells anything: all are constant or without values")]
    NoFeatures,
    /// More features than are allowed.
    #[error("the columns make {found} features, more than the {MAX_FEATURES} that are allowed")]
    TooManyFeatures {
        /// Features.
        found: usize,
    },
    /// More numbers than are allowed.
    #[error("{features} features of {rows} rows are more than the {MAX_CELLS} numbers that are allowed")]
    TooManyCells {
        /// Features.
        features: usize,
        /// Rows.
        rows: usize,
    },
    /// A column that the model needs is not there.
    #[error("column {name:?} is missing")]
    NoColumn {
        /// Its name.
        name: String,
    },
    /// A column has another type than in training.
    #[error("column {name:?} holds {found}, but {needed} were learned from")]
    WrongKind {
        /// Its name.
        name: String,
        /// What it holds.
        found: Kind,
        /// What was learned from.
        needed: Kind,
    },
}

impl Preparation {
    /// Learns from the columns of a table without its target.
    ///
    /// # Errors
    /// When no column tells anything, or they make too many features.
    pub fn learn(table: &Table) -> Result<Self, PrepareError> {
        let mut features = Vec::new();
        let mut left_out = Vec::new();
        for column in table.columns() {
            let made = made_of(column);
            if made.is_empty() {
                left_out.push(column.name.clone());
            }
            features.extend(made);
        }
        match features.len() {
            0 => Err(PrepareError::NoFeatures),
            found if found > MAX_FEATURES => Err(PrepareError::TooManyFeatures { found }),
            _ => Ok(Self { features, left_out }),
        }
    }

    /// The numbers of each row: all finite.
    ///
    /// # Errors
    /// When a column is missing or has another type, or there would be too many numbers.
    pub fn apply(&self, table: &Table) -> Result<Matrix, PrepareError> {
        let (features, rows) = (self.features.len(), table.rows());
        if features.saturating_mul(rows) > MAX_CELLS {
            return Err(PrepareError::TooManyCells { features, rows });
        }
        let mut matrix = Matrix::zeros(table.rows(), self.features.len());
        for (at, feature) in self.features.iter().enumerate() {
            let column =
                table.column(&feature.column).map_err(|_| PrepareError::NoColumn { name: feature.column.clone() })?;
            // A column without any value has no type of its own.
            if column.kind() != feature.kind && column.missing() < column.len() {
                return Err(PrepareError::WrongKind {
                    name: column.name.clone(),
                    found: column.kind(),
                    needed: feature.kind,
                });
            }
            write(column, feature, at, &mut matrix);
        }
        Ok(matrix)
    }

    /// Names of all features.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.features.iter().map(Feature::name).collect()
    }
}

fn write(column: &Column, feature: &Feature, at: usize, matrix: &mut Matrix) {
    let word = match (&column.values, &feature.word) {
        (Values::Text(words), Some(word)) => words.names.iter().position(|name| name == word).map(|code| code as u32),
        _ => None,
    };
    for row in 0..column.len() {
        let value = match &column.values {
            Values::Number(numbers) => Some(numbers.values[row]).filter(|value| value.is_finite()),
            Values::Flag(flags) => flags[row].map(|flag| f64::from(u8::from(flag))),
            Values::Time(times) => times[row].map(|micros| micros as f64 / MICROS_OF_A_DAY),
            Values::Text(words) => Some(f64::from(u8::from(word == Some(words.codes[row])))),
        };
        *matrix.at_mut(row, at) = value.unwrap_or(feature.missing);
    }
}

fn made_of(column: &Column) -> Vec<Feature> {
    let number = |missing: f64| Feature { column: column.name.clone(), kind: column.kind(), word: None, missing };
    let numbers = |values: Vec<f64>| {
        let sorted = ascending(values);
        // The median of a column is a value of it that even a skewed one has in its middle.
        if sorted.first() == sorted.last() { Vec::new() } else { vec![number(quantile(&sorted, 0.5))] }
    };
    match &column.values {
        Values::Number(of) => numbers(of.values.clone()),
        Values::Flag(flags) => numbers(flags.iter().flatten().map(|flag| f64::from(u8::from(*flag))).collect()),
        Values::Time(times) => numbers(times.iter().flatten().map(|micros| *micros as f64 / MICROS_OF_A_DAY).collect()),
        Values::Text(words) => {
            frequent(words).into_iter().map(|word| Feature { word: Some(word), ..number(0.0) }).collect()
        }
    }
}

/// The most frequent words; of equally frequent ones those that come first in the alphabet. None of a constant column.
fn frequent(words: &Categories) -> Vec<String> {
    let mut counts = vec![0_usize; words.names.len()];
    words.codes.iter().filter(|code| **code != Categories::MISSING).for_each(|code| counts[*code as usize] += 1);
    let mut known: Vec<(usize, &String)> =
        counts.into_iter().zip(&words.names).filter(|(count, _)| *count > 0).collect();
    let missing = words.codes.contains(&Categories::MISSING);
    if known.len() + usize::from(missing) < 2 {
        return Vec::new();
    }
    known.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    // Of two words one tells the other.
    let kept = if known.len() == 2 && !missing { 1 } else { MAX_WORDS };
    known.into_iter().take(kept).map(|(_, word)| word.clone()).collect()
}
