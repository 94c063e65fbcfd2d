//! Embeddings as the rows of an array.

use std::sync::Arc;

use super::blocks::Blocks;

/// Row-major (rows, columns), in blocks of rows that copies share.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix(Blocks<f32>);

impl Matrix {
    /// No rows yet.
    ///
    /// # Panics
    /// When `columns` is zero.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self(Blocks::new(columns))
    }

    /// Takes over row-major values.
    ///
    /// # Panics
    /// When `columns` is zero or the values do not make whole rows.
    #[must_use]
    pub fn from_values(columns: usize, values: Vec<f32>) -> Self {
        Self(Blocks::from_values(columns, values))
    }

    /// Components of a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.0.width()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// One row.
    #[must_use]
    pub fn row(&self, at: usize) -> &[f32] {
        self.0.row(at)
    }

    /// All values in order, a block of rows at a time.
    pub(crate) fn blocks(&self) -> &[Arc<Vec<f32>>] {
        self.0.blocks()
    }

    /// Appends a row.
    ///
    /// # Panics
    /// When it has another number of columns.
    pub fn push(&mut self, row: &[f32]) {
        self.0.push(row);
    }

    /// Adds a block of rows after full ones.
    pub(crate) fn push_block(&mut self, values: Vec<f32>) {
        self.0.push_block(values);
    }

    /// Puts a row before the one at `at`.
    pub(crate) fn insert(&mut self, at: usize, row: &[f32]) {
        self.0.insert(at, row);
    }

    /// Keeps the rows for which `keep` (one a row) is true.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        self.0.retain(keep);
    }
}
