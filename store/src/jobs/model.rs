//! What is kept of a job.

use crate::error::StoreError;
use crate::model::{Timestamp, spelled};
use crate::sql::Row;

use std::fmt;
use std::str::FromStr;

spelled! {
    /// Where a job stands.
    JobStatus ("status") {
        /// Waits for a worker.
        Pending => "pending",
        /// A worker holds it.
        Running => "running",
        /// Done.
        Completed => "completed",
        /// Could not be done.
        Failed => "failed",
        /// Somebody wanted it to end.
        Cancelled => "cancelled",
    }
}

impl JobStatus {
    /// Whether nothing happens to it any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// UUID. The version that it makes has the same.
    pub id: String,
    /// Id of the organisation that it belongs to.
    pub organisation: String,
    /// What is done, such as `train`.
    pub kind: String,
    /// Id of the table that it is done with.
    pub data_set: String,
    /// What is to be done: JSON.
    pub request: serde_json::Value,
    /// Where it stands.
    pub status: JobStatus,
    /// Larger ones come first.
    pub priority: i64,
    /// How often it was taken.
    pub attempts: i64,
    /// Whether somebody wants it to end.
    pub stop: bool,
    /// The worker that has or had it.
    pub worker: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// How many events there are.
    pub events: i64,
    /// When it was wanted.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was taken first.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
}

/// What [`job`] reads: all but outcome and checkpoint, which may be long.
pub(super) const COLUMNS: &str = "id, organisation, kind, data_set, request, status, priority, attempts, stop, worker, \
                                  failure, events, created_at, created_by, started_at, completed_at";

pub(super) fn job(row: &Row) -> Result<Job, StoreError> {
    let damaged = |what, text: &str| StoreError::Damaged { what, value: crate::error::shorten(text) };
    let (request, status) = (row.text("request")?, row.text("status")?);
    Ok(Job {
        id: row.text("id")?,
        organisation: row.text("organisation")?,
        kind: row.text("kind")?,
        data_set: row.text("data_set")?,
        request: serde_json::from_str(&request).map_err(|_| damaged("request of a job", &request))?,
        status: status.parse().map_err(|_| damaged("status of a job", &status))?,
        priority: row.int("priority")?,
        attempts: row.int("attempts")?,
        stop: row.int("stop")? != 0,
        worker: row.get("worker")?,
        failure: row.get("failure")?,
        events: row.int("events")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
    })
}
