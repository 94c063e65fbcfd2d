//! A table of counts as series: what each visit found of a SKU on a shelf.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::learn::LearnError;
use crate::table::{Column, Kind, Table, TableError, Values};

/// Columns that are needed, by name: a moment, three words, a number.
pub const COLUMNS: [&str; 5] = ["time", "store", "shelf", "sku", "facings"];
/// Visits with another one after them, at least.
pub(super) const MIN_LESSONS: usize = 200;
/// Column that says which release counted; what was not counted says so there.
pub(super) const RELEASE: &str = "release";
/// How the release of synthetic rows begins.
pub(super) const SYNTHETIC: &str = "synthetic";

/// A table that nothing can be foretold from.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ForecastError {
    /// A column is missing or of another type.
    #[error("a table of counts is needed: {0}")]
    Table(#[from] TableError),
    /// Too few visits.
    #[error(
        "there are {found} visits after which another one came, and {needed} are needed to learn what comes next: wait for more photos"
    )]
    FewVisits {
        /// Visits with another one after them.
        found: usize,
        /// What is needed.
        needed: usize,
    },
    /// More rows than may be.
    #[error("there are {rows} rows; {limit} may be: take the latest")]
    TooManyRows {
        /// Rows.
        rows: usize,
        /// The most.
        limit: usize,
    },
    /// An option out of its range.
    #[error("{name} is {value}, but it must be {must}")]
    Option {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// It could not be learned, or nobody waits any more.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// What visits found of one SKU on one shelf, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) store: String,
    pub(super) shelf: String,
    pub(super) sku: String,
    /// Microseconds since 1970, each once.
    pub(super) times: Vec<i64>,
    /// Facings.
    pub(super) values: Vec<f64>,
}

/// All series of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Visits {
    pub(super) series: Vec<Series>,
    /// Rows without a moment or a count, which were left out.
    pub(super) left_out: usize,
    /// Whether rows of it were made up.
    pub(super) synthetic: bool,
}

impl Visits {
    /// Of a table of counts. Of two rows of one series and moment the later one holds.
    pub(super) fn of(table: &Table) -> Result<Self, ForecastError> {
        const MAX_ROWS: usize = 2_000_000;
        if table.rows() > MAX_ROWS {
            return Err(ForecastError::TooManyRows { rows: table.rows(), limit: MAX_ROWS });
        }
        let [time, store, shelf, sku, facings] = COLUMNS;
        let times = table.column(time)?;
        let Values::Time(moments) = &times.values else { return Err(wrong(times, Kind::Time)) };
        let counts = table.column(facings)?;
        let Values::Number(numbers) = &counts.values else { return Err(wrong(counts, Kind::Number)) };
        let (store, shelf, sku) = (table.column(store)?, table.column(shelf)?, table.column(sku)?);
        let mut found: BTreeMap<[String; 3], Vec<(i64, f64)>> = BTreeMap::new();
        let mut left_out = 0;
        for (row, (moment, count)) in moments.iter().zip(&numbers.values).enumerate() {
            let (Some(moment), count) = (*moment, *count) else {
                left_out += 1;
                continue;
            };
            if !(count >= 0.0) {
                left_out += 1;
                continue;
            }
            found.entry([store.show(row), shelf.show(row), sku.show(row)]).or_default().push((moment, count));
        }
        let series = found.into_iter().map(|([store, shelf, sku], mut rows)| {
            // Stable: rows of one moment stay in their order, and the last of them is kept.
            rows.sort_by_key(|(moment, _)| *moment);
            let last = (0..rows.len()).filter(|at| rows.get(at + 1).is_none_or(|next| next.0 != rows[*at].0));
            let (times, values) = last.map(|at| rows[at]).unzip();
            Series { store, shelf, sku, times, values }
        });
        Ok(Self { series: series.collect(), left_out, synthetic: is_synthetic(table) })
    }
}

/// Whether rows of a table of counts were made up: their release says so, wherever the table went since.
#[must_use]
pub fn is_synthetic(table: &Table) -> bool {
    table.column(RELEASE).is_ok_and(|column| match &column.values {
        Values::Text(words) => words
            .names
            .iter()
            .enumerate()
            .any(|(code, name)| name.starts_with(SYNTHETIC) && words.codes.contains(&(code as u32))),
        _ => false,
    })
}

fn wrong(column: &Column, needed: Kind) -> ForecastError {
    TableError::WrongKind { name: column.name.clone(), found: column.kind(), needed }.into()
}
