//! Why a flow was not done.

use std::path::PathBuf;

use store::StoreError;
use store::photos::{Day, Month, ParsePeriodError};
use thiserror::Error;
use vision::Sha256;

/// What a flow says when it cannot be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FlowError {
    /// Of the database or the buckets.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No day, or no month.
    #[error(transparent)]
    Period(#[from] ParsePeriodError),
    /// The day is not over, or was over a moment ago: answers are written down a little later.
    #[error("{day} is not over, or only just; it can be done {seconds} seconds after its end (UTC)")]
    DayNotOver {
        /// Which day.
        day: Day,
        /// How long after.
        seconds: u64,
    },
    /// The same of a month.
    #[error("{month} is not over, or only just; it can be done {seconds} seconds after its end (UTC)")]
    MonthNotOver {
        /// Which month.
        month: Month,
        /// How long after.
        seconds: u64,
    },
    /// Somebody else is at it.
    #[error("{flow} {period} is being done elsewhere; if whoever has it died, it can be done in {seconds} seconds")]
    Elsewhere {
        /// Which flow.
        flow: &'static str,
        /// For which period.
        period: String,
        /// What is left of the lease.
        seconds: i64,
    },
    /// The lease ran out before the run was done: somebody else may have it now.
    #[error("the run was lost: it gave no sign of life for too long, and somebody else may have it now")]
    Lost,
    /// A photo's row is there, and its file is not.
    #[error("the file of the photo {photo} is not at {name} in {place}")]
    Missing {
        /// Which photo.
        photo: Sha256,
        /// Where it should be.
        name: String,
        /// In which bucket or folder.
        place: String,
    },
    /// What was written is not there, or not whole.
    #[error("{name} was written with {expected} bytes, and has {}: {place} loses what is written to it", found.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string()))]
    NotWritten {
        /// Which file.
        name: String,
        /// Of what was written.
        expected: u64,
        /// Of what is there.
        found: Option<u64>,
        /// In which bucket or folder.
        place: String,
    },
    /// A set that another is made of is not whole.
    #[error("the set {set} is not whole: {reason}")]
    Input {
        /// Which set.
        set: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder of reserved images cannot be used.
    #[error("the reserved folder {} cannot be used (`monthly.reserved`): {reason}", folder.display())]
    Reserved {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// An image cannot be looked at.
    #[error("the image {name} cannot be read: {reason}")]
    Image {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The division would let a network know what it is measured by.
    #[error("{one} lies in {first}, and {other}, which shows the same, in {second}")]
    Leak {
        /// A photo.
        one: Sha256,
        /// Its part.
        first: &'static str,
        /// A photo, or the path of a reserved image.
        other: String,
        /// Its part, or `reserved`.
        second: &'static str,
    },
    /// Work broke off inside.
    #[error("the work broke off inside")]
    Inside,
}
