//! What is learned from: rows of numbers and what each of them is.

use serde::{Deserialize, Serialize};

use crate::matrix::Matrix;

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Which class a row is of.
    Classification,
    /// A number.
    Regression,
}

/// What each row is.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A class of each row, below `count`.
    Classes {
        /// The class of each row.
        of: Vec<usize>,
        /// How many classes there are.
        count: usize,
    },
    /// A number for each row.
    Values(Vec<f64>),
}

impl Target {
    /// What is to be told.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::Values(_) => Task::Regression,
        }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { of, .. } => of.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows at these places. Classes keep their numbers, though some may have no row.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes { of, count } => {
                Self::Classes { of: rows.iter().map(|row| of[*row]).collect(), count: *count }
            }
            Self::Values(values) => Self::Values(rows.iter().map(|row| values[*row]).collect()),
        }
    }

    /// The target as numbers: classes by their number.
    #[must_use]
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Classes { of, .. } => of.iter().map(|class| *class as f64).collect(),
            Self::Values(values) => values.clone(),
        }
    }

    /// Numbers that a learner gives for a row: one for each class, or one.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { count, .. } => *count,
            Self::Values(_) => 1,
        }
    }
}

/// Rows to learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The features, a row each.
    pub x: Matrix,
    /// What each row is.
    pub y: Target,
}

impl Samples {
    /// The rows at these places.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self { x: self.x.take(rows), y: self.y.take(rows) }
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.rows()
    }
}
