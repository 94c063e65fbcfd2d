//! Tables to CSV.

use std::io::{self, Write};

use crate::table::Table;

/// Writes the table with a header; reading it gives the same values. Missing values are empty cells.
///
/// # Errors
/// When it cannot be written.
pub fn write_csv(table: &Table, to: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(table.columns().iter().map(|column| column.name.as_str()))?;
    for row in 0..table.rows() {
        writer.write_record(table.columns().iter().map(|column| column.show(row)))?;
    }
    writer.flush()
}
