//! Why something was not done.

use std::io;

use store::StoreError;
use tabular::clean::CleanError;
use tabular::forecast::ForecastError;
use tabular::prepare::PrepareError;
use tabular::read::ReadError;
use tabular::search::SearchError;
use tabular::split::SplitError;
use tabular::table::TableError;
use tabular::train::TrainError;
use thiserror::Error;

use crate::rows::RowsError;

/// What the platform says when it cannot do as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// Of the database or the objects.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is none that is read.
    #[error("{found} is not read: save the table as CSV (UTF-8) or XLSX and send that")]
    Format {
        /// What it looks like.
        found: &'static str,
    },
    /// The file has more bytes than may be sent.
    #[error(
        "the file is larger than {limit} bytes, the most that is taken; send fewer rows or columns, or raise `tables.upload_bytes`"
    )]
    TooLarge {
        /// The most.
        limit: u64,
    },
    /// The file is no table, or more than may be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A column that is not there, or one of another type.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The table cannot be cleaned so.
    #[error(transparent)]
    Clean(#[from] CleanError),
    /// The table cannot be split so.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// Nothing can be learned of the table so.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// No hyperparameters can be found so.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Nothing can be foretold of the table.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// A table that does not fit a model.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Rows that do not fit a model.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A model that another version of this program made.
    #[error("{model} was made by a later version of this program: ask a server of that version")]
    ModelFormat {
        /// Name and version.
        model: String,
    },
    /// A value that may not be.
    #[error("{name} is {value}, but it must be {allowed}")]
    Parameter {
        /// Of which field.
        name: &'static str,
        /// As given.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// As much is worked on as may be.
    #[error("too many {what} at the moment; try again in {retry_after_seconds} s")]
    Busy {
        /// Of what.
        what: &'static str,
        /// When to come again.
        retry_after_seconds: u64,
    },
    /// One organisation has as much in work as it may.
    #[error(
        "{limit} operations of your organisation are in work already, the most there may be; wait until one is done"
    )]
    TooManyAtOnce {
        /// The most.
        limit: usize,
    },
    /// It took longer than it may.
    #[error("the operation took longer than {seconds} s and was given up: send fewer rows, or choose a quicker method")]
    TookTooLong {
        /// How long it may take.
        seconds: u64,
    },
    /// A file on the way cannot be written or read.
    #[error("a temporary file cannot be used")]
    Temporary(#[from] io::Error),
    /// The work panicked.
    #[error("the operation failed inside")]
    Inside,
    /// There is no store.
    #[error("there is no store")]
    NoStore,
}
