//! Embeddings as the rows of one contiguous array.

/// Row-major (rows, columns).
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// No rows yet.
    ///
    /// # Panics
    /// When `columns` is zero.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self::from_values(columns, Vec::new())
    }

    /// Takes over row-major values.
    ///
    /// # Panics
    /// When `columns` is zero or the values do not make whole rows.
    #[must_use]
    pub fn from_values(columns: usize, values: Vec<f32>) -> Self {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "values make whole rows");
        Self { columns, values }
    }

    /// Components of a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// One row.
    #[must_use]
    pub fn row(&self, at: usize) -> &[f32] {
        &self.values[at * self.columns..][..self.columns]
    }

    /// All values, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Appends a row.
    ///
    /// # Panics
    /// When it has another number of columns.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.columns, "a row of this matrix");
        self.values.extend_from_slice(row);
    }

    /// Puts a row before the one at `at`.
    pub(crate) fn insert(&mut self, at: usize, row: &[f32]) {
        assert_eq!(row.len(), self.columns, "a row of this matrix");
        let start = at * self.columns;
        self.values.splice(start..start, row.iter().copied());
    }

    /// Keeps the rows for which `keep` (one a row) is true.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let columns = self.columns;
        let mut end = 0;
        for (row, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            self.values.copy_within(row * columns..(row + 1) * columns, end);
            end += columns;
        }
        self.values.truncate(end);
    }
}
