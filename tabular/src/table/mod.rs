//! Typed tables in memory: columns of one length, each with a name of its own.

mod column;
mod digest;
mod moment;

pub use column::{Categories, Column, Kind, Numbers, Values};
pub use moment::{parse_moment, show_moment};

use std::collections::HashSet;

use thiserror::Error;

/// A table that cannot be, or a column that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// Columns of different lengths.
    #[error("column {name:?} has {rows} rows where the others have {expected}")]
    Ragged {
        /// Which column.
        name: String,
        /// Its rows.
        rows: usize,
        /// Rows of the first column.
        expected: usize,
    },
    /// Two columns of one name.
    #[error("two columns are called {name:?}")]
    Twice {
        /// The name.
        name: String,
    },
    /// No column of that name.
    #[error("there is no column {name:?}; there are {there}")]
    NoColumn {
        /// What was asked for.
        name: String,
        /// The first names that there are.
        there: String,
    },
    /// A column of another type is needed.
    #[error("column {name:?} holds {found}, but {needed} is needed")]
    WrongKind {
        /// Which column.
        name: String,
        /// What it holds.
        found: Kind,
        /// What is needed.
        needed: Kind,
    },
}

/// Columns of one length. Names are unique; the order of columns is part of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// A table of these columns. Without columns it has no rows.
    ///
    /// # Errors
    /// When lengths differ or a name stands twice.
    pub fn new(columns: Vec<Column>) -> Result<Self, TableError> {
        let rows = columns.first().map_or(0, Column::len);
        let mut names = HashSet::new();
        for column in &columns {
            if column.len() != rows {
                return Err(TableError::Ragged { name: column.name.clone(), rows: column.len(), expected: rows });
            }
            if !names.insert(column.name.as_str()) {
                return Err(TableError::Twice { name: column.name.clone() });
            }
        }
        Ok(Self { columns, rows })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Names of all columns, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The column of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn column(&self, name: &str) -> Result<&Column, TableError> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| self.missing(name))
    }

    /// The rows at these places, in this order; a row may stand more than once.
    ///
    /// # Panics
    /// When a place lies beyond the last row.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self { columns: self.columns.iter().map(|column| column.take(rows)).collect(), rows: rows.len() }
    }

    /// The table with these columns alone, in this order.
    ///
    /// # Errors
    /// When one is not there or named twice.
    pub fn only(&self, names: &[String]) -> Result<Self, TableError> {
        let columns = names.iter().map(|name| self.column(name).cloned()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { rows: self.rows, ..Self::new(columns)? })
    }

    /// The table without the column of that name.
    ///
    /// # Errors
    /// When it is not there.
    pub fn without(&self, name: &str) -> Result<Self, TableError> {
        self.column(name)?;
        let columns = self.columns.iter().filter(|column| column.name != name).cloned().collect();
        Ok(Self { columns, rows: self.rows })
    }

    fn missing(&self, name: &str) -> TableError {
        const NAMED: usize = 12;
        let mut there =
            self.columns.iter().take(NAMED).map(|column| format!("{:?}", column.name)).collect::<Vec<_>>().join(", ");
        if self.columns.len() > NAMED {
            there += &format!(" and {} more", self.columns.len() - NAMED);
        }
        TableError::NoColumn { name: name.chars().take(120).collect(), there }
    }
}
