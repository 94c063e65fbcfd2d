//! Files to typed tables, within limits.
//!
//! A reader takes what real tools write and says what it left out: rows that cannot be understood are counted, and the first of them
//! named by line. Nothing is read beyond the [`Limits`].

mod bounded;
mod cells;
mod csv;
mod encoding;
mod infer;
mod xlsx;

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use thiserror::Error;

pub use csv::read_csv;
pub use xlsx::{SheetError, read_xlsx};

use crate::table::{Kind, Table, TableError};

/// How much is read of a file, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub max_bytes: u64,
    /// Rows.
    pub max_rows: usize,
    /// Columns.
    pub max_columns: usize,
    /// Cells: rows times columns.
    pub max_cells: usize,
    /// Bytes of one row.
    pub max_row_bytes: u64,
}

impl Default for Limits {
    /// 1 GiB, 5,000,000 rows, 2,000 columns, 200,000,000 cells, 1 MiB a row.
    fn default() -> Self {
        Self {
            max_bytes: 1 << 30,
            max_rows: 5_000_000,
            max_columns: 2_000,
            max_cells: 200_000_000,
            max_row_bytes: 1 << 20,
        }
    }
}

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// How much, at most.
    pub limits: Limits,
    /// Types that columns must have: rows with other values are bad. The other columns have the narrowest type that holds them.
    pub kinds: BTreeMap<String, Kind>,
    /// What stands between fields, where that is known; looked for in the header otherwise.
    pub delimiter: Option<u8>,
}

/// What was read of a file.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The good rows.
    pub table: Table,
    /// The others.
    pub bad_rows: BadRows,
    /// Infinite numbers of each column that has some; they became missing.
    pub infinite: BTreeMap<String, u64>,
}

/// Rows that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BadRows {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<BadRow>,
}

impl BadRows {
    /// Bad rows that are named.
    const NAMED: usize = 20;

    fn push(&mut self, line: u64, reason: BadRowReason) {
        self.count += 1;
        if self.first.len() < Self::NAMED {
            self.first.push(BadRow { line, reason });
        }
    }
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Line of the file on which it begins, from 1.
    pub line: u64,
    /// Why.
    pub reason: BadRowReason,
}

/// Why a row was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum BadRowReason {
    /// Another number of fields than the header.
    #[error("{found} fields, where the header has {expected}")]
    Fields {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// A value that is not of its column's type.
    #[error("column {column:?} must hold {needed}")]
    Value {
        /// The column.
        column: String,
        /// Its type.
        needed: Kind,
    },
}

/// A file that is no table, or more than may be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The bytes do not come.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// More bytes than may be read.
    #[error("the file is larger than {limit} bytes, the most that is read")]
    TooManyBytes {
        /// The limit.
        limit: u64,
    },
    /// One row is very long: most often a quote that is never closed.
    #[error("the row that begins on line {line} is longer than {limit} bytes; is a quote left open?")]
    RowTooLong {
        /// Where it begins.
        line: u64,
        /// The limit.
        limit: u64,
    },
    /// More rows than may be read.
    #[error("there are more than {limit} rows, the most that is read")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
    /// More columns than may be read.
    #[error("there are {found} columns; {limit} are read at most")]
    TooManyColumns {
        /// Columns of the header.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// More cells than may be read.
    #[error("{columns} columns and more than {rows} rows are more than {limit} cells, the most that is read")]
    TooManyCells {
        /// Rows so far.
        rows: usize,
        /// Columns.
        columns: usize,
        /// The limit.
        limit: usize,
    },
    /// No header.
    #[error("the file is empty: a first line with the names of the columns is expected")]
    Empty,
    /// A header and no row that can be read.
    #[error("there is no row of data{}", bad(*bad_rows))]
    NoRows {
        /// Rows that were left out.
        bad_rows: u64,
    },
    /// The header cannot be read.
    #[error("the first line is not UTF-8 text; save the file as UTF-8")]
    HeaderNotText,
    /// A workbook that cannot be read.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// A type was asked for a column that is not there.
    #[error(transparent)]
    Table(#[from] TableError),
}

fn bad(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!("; {rows} rows could not be understood") }
}
