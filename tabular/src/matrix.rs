//! Numbers in rows and columns: what learners see.

use serde::{Deserialize, Serialize};

/// A dense matrix, row after row. It holds finite numbers where it comes from a [`crate::prepare::Preparation`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Matrix {
    values: Vec<f64>,
    rows: usize,
    columns: usize,
}

impl Matrix {
    /// A matrix of zeros.
    #[must_use]
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { values: vec![0.0; rows * columns], rows, columns }
    }

    /// A matrix of these values, row after row.
    ///
    /// # Panics
    /// When there are not `rows * columns` of them.
    #[must_use]
    pub fn new(values: Vec<f64>, rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} rows and {columns} columns");
        Self { values, rows, columns }
    }

    /// A matrix of these columns, all of one length.
    ///
    /// # Panics
    /// When their lengths differ from `rows`.
    #[must_use]
    pub fn of_columns(rows: usize, columns: &[Vec<f64>]) -> Self {
        let mut matrix = Self::zeros(rows, columns.len());
        for (at, column) in columns.iter().enumerate() {
            assert_eq!(column.len(), rows, "column {at}");
            column.iter().enumerate().for_each(|(row, value)| *matrix.at_mut(row, at) = *value);
        }
        matrix
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to be written to.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// One value.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    /// One value, to be written to.
    ///
    /// # Panics
    /// When there is none.
    pub fn at_mut(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.values[row * self.columns + column]
    }

    /// A copy of one column.
    #[must_use]
    pub fn column(&self, column: usize) -> Vec<f64> {
        (0..self.rows).map(|row| self.at(row, column)).collect()
    }

    /// All values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The rows at these places.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|row| self.row(*row)).copied().collect();
        Self { values, rows: rows.len(), columns: self.columns }
    }

    /// The columns at these places.
    #[must_use]
    pub fn only(&self, columns: &[usize]) -> Self {
        let values = (0..self.rows).flat_map(|row| columns.iter().map(move |column| self.at(row, *column))).collect();
        Self { values, rows: self.rows, columns: columns.len() }
    }

    /// Whether values and shape agree, for matrices out of files.
    #[must_use]
    pub(crate) fn is_sound(&self) -> bool {
        self.rows.checked_mul(self.columns) == Some(self.values.len()) && self.values.iter().all(|v| v.is_finite())
    }
}
