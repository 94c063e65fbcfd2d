//! Tables from files, and what comes out to files.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tabular::read::ReadError;
use tabular::table::Kind;
use tabular::{ReadOptions, Reading, Table, read_csv, read_xlsx, write_csv};
use vision::files::write_atomic;

/// The table that a command works on.
#[derive(Args)]
pub(super) struct Input {
    /// A CSV file with a header (UTF-8 or UTF-16, delimiter , ; tab or |), or XLSX, whose first sheet is read
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What a column must hold: number, flag, time or text. Rows with other values are left out
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = kind)]
    kinds: Vec<(String, Kind)>,
}

impl Input {
    /// Reads it. What was left out is said on standard error.
    pub(super) fn read(&self) -> anyhow::Result<Table> {
        let options = ReadOptions { kinds: self.kinds.iter().cloned().collect(), ..ReadOptions::default() };
        read_file(&self.file, &options)
    }
}

/// Reads a table. What was left out is said on standard error.
pub(crate) fn read_file(path: &Path, options: &ReadOptions) -> anyhow::Result<Table> {
    let shown = path.display();
    // Looked at before opening: opening a named pipe would wait for its writer.
    if !std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.is_file() {
        bail!("{shown} is no regular file");
    }
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let reading = read(file, options).with_context(|| format!("cannot read {shown} as a table"))?;
    for row in &reading.bad_rows.first {
        eprintln!("warning: {shown}:{}: left out: {}", row.line, row.reason);
    }
    if reading.bad_rows.count > reading.bad_rows.first.len() as u64 {
        eprintln!("warning: {shown}: {} rows were left out in all", reading.bad_rows.count);
    }
    for (column, count) in &reading.infinite {
        eprintln!("warning: {shown}: {count} infinite numbers in {column:?} are taken for missing");
    }
    Ok(reading.table)
}

/// Reads a workbook or text, by the first bytes.
fn read(mut file: File, options: &ReadOptions) -> Result<Reading, ReadError> {
    let mut head = Vec::new();
    (&mut file).take(4).read_to_end(&mut head)?;
    file.rewind()?;
    if head == b"PK\x03\x04" { read_xlsx(file, options) } else { read_csv(file, options) }
}

fn kind(text: &str) -> Result<(String, Kind), String> {
    let (column, kind) = text.rsplit_once('=').ok_or("COLUMN=TYPE is expected")?;
    Ok((column.to_owned(), named(kind)?))
}

/// A word as one of the values of an enum, by the names that the HTTP interface has.
pub(super) fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|error| error.to_string())
}

/// `NAME=VALUE`, the value as JSON or else as a word.
pub(super) fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

/// Writes a table beside `path`, then renames it.
pub(crate) fn write_table(path: &Path, table: &Table) -> anyhow::Result<()> {
    Ok(write_atomic(path, |writer| write_csv(table, writer))?)
}

/// Writes the outcome as JSON, where that was asked for.
pub(crate) fn write_json(path: Option<&Path>, outcome: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    Ok(write_atomic(path, |writer| {
        serde_json::to_writer_pretty(&mut *writer, outcome)?;
        writer.write_all(b"\n")
    })?)
}
