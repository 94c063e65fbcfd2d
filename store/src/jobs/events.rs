//! What happened to a job, numbered without gaps: whoever has read up to a number asks for what follows.

use crate::error::StoreError;
use crate::model::{Timestamp, now};
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// Most events of an answer.
const PAGE: u32 = 1_000;
/// Most events that a job keeps.
pub(super) const MAX_EVENTS: i64 = 20_000;
/// Longest event, in bytes.
const MAX_BODY: usize = 16 << 10;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// `status`, `log` or `step`.
    pub kind: &'static str,
    /// JSON.
    pub body: String,
}

/// Something that happened, with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// 1, 2, 3, ...
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// `status`, `log` or `step`.
    pub kind: String,
    /// JSON.
    pub body: String,
}

impl Store {
    /// Events of a job that follow `after`, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there. Of a job of another organisation there are none.
    pub async fn job_events(&self, organisation: &str, id: &str, after: i64) -> Result<Vec<JobEvent>, StoreError> {
        let sql = format!(
            "SELECT e.seq, e.at, e.kind, e.body FROM job_events e JOIN jobs j ON j.id = e.job \
             WHERE j.organisation = $1 AND j.id = $2 AND e.seq > $3 ORDER BY e.seq LIMIT {PAGE}"
        );
        self.database.all(&sql, values![organisation, id, after]).await?.iter().map(event).collect()
    }
}

fn event(row: &Row) -> Result<JobEvent, StoreError> {
    Ok(JobEvent { seq: row.int("seq")?, at: row.int("at")?, kind: row.text("kind")?, body: row.text("body")? })
}

/// Writes events down. `before` is how many there are; the caller holds the job's row and writes the new number into it.
pub(super) async fn add(tx: &mut Tx, job: &str, before: i64, events: &[NewEvent]) -> Result<i64, StoreError> {
    let at = now();
    let mut seq = before;
    for event in events {
        // The last places are for how it ended.
        if (seq >= MAX_EVENTS && event.kind != "status") || event.body.len() > MAX_BODY {
            continue;
        }
        seq += 1;
        let sql = "INSERT INTO job_events (job, seq, at, kind, body) VALUES ($1, $2, $3, $4, $5)";
        tx.later(sql, values![job, seq, at, event.kind, &event.body]).await?;
    }
    Ok(seq)
}

/// The event that a job stands elsewhere now.
pub(super) fn moved(status: super::JobStatus, why: Option<&str>) -> NewEvent {
    let body = serde_json::json!({"status": status.as_str(), "detail": why.map(crate::error::shorten)});
    NewEvent { kind: "status", body: body.to_string() }
}
