//! Cells as they were written, column by column, until the whole column is known and can be typed.

/// The cells of one column, one after the other in one string.
#[derive(Debug, Default)]
pub(super) struct RawColumn {
    text: String,
    ends: Vec<usize>,
}

impl RawColumn {
    pub(super) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }

    /// The cells without blanks around them; `None` where a value is missing.
    pub(super) fn cells(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| Some(self.get(row).trim()).filter(|cell| !is_missing(cell)))
    }
}

/// What means "no value": the words that pandas takes for it.
pub(super) fn is_missing(cell: &str) -> bool {
    matches!(
        cell,
        "" | "#N/A"
            | "#N/A N/A"
            | "#NA"
            | "-1.#IND"
            | "-1.#QNAN"
            | "-NaN"
            | "-nan"
            | "1.#IND"
            | "1.#QNAN"
            | "<NA>"
            | "N/A"
            | "NA"
            | "NULL"
            | "NaN"
            | "None"
            | "n/a"
            | "nan"
            | "null"
    )
}
