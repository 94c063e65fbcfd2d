//! JSON files with one compact row a line, written while the rows come.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

/// An object whose last member is a list, being written.
#[derive(Debug)]
pub struct Rows {
    writer: BufWriter<File>,
    empty: bool,
}

impl Rows {
    /// Begins `head` (an object with members) with one more member `name`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(path: &Path, head: &impl Serialize, name: &str) -> io::Result<Self> {
        let mut writer = BufWriter::new(File::create_new(path)?);
        let head = serde_json::to_string_pretty(head)?;
        let open = head.strip_suffix("\n}").ok_or_else(|| io::Error::other("the head of a list has members"))?;
        write!(writer, "{open},\n  \"{name}\": [")?;
        Ok(Self { writer, empty: true })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, row: &impl Serialize) -> io::Result<()> {
        self.writer.write_all(if self.empty { b"\n    " } else { b",\n    " })?;
        self.empty = false;
        serde_json::to_writer(&mut self.writer, row)?;
        Ok(())
    }

    /// Ends the list and the object.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(mut self) -> io::Result<()> {
        self.writer.write_all(b"\n  ]\n}\n")?;
        self.writer.flush()
    }
}
