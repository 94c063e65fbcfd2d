//! A worker takes a job: one job, one holder.

use std::time::Duration;

use super::events::{add, moved};
use super::model::{COLUMNS, job};
use super::{Job, JobStatus};
use crate::error::StoreError;
use crate::model::{new_id, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// How often a job is taken: once more after its worker died.
const MAX_ATTEMPTS: i64 = 2;
/// Jobs given up or cancelled in one go, because their workers died.
const SWEPT: u32 = 100;

/// What holds for whoever takes a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeLimits {
    /// Name of the worker, for people.
    pub worker: String,
    /// How long it is held without a sign of life.
    pub lease: Duration,
    /// Jobs of one organisation that run at the same time.
    pub running: u64,
}

/// A job that is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The job.
    pub job: Job,
    /// Who holds it, this time.
    pub holder: String,
    /// What the one before had got to: JSON.
    pub checkpoint: Option<String>,
}

impl Store {
    /// The most urgent job that waits, or whose worker died, for this worker alone. Nothing when there is none, or when the
    /// organisations of those that wait have as many running as they may.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn take_job(&self, limits: TakeLimits) -> Result<Option<Taken>, StoreError> {
        // A look first: nobody is kept waiting for an empty queue.
        let sql = "SELECT 1 AS one FROM jobs WHERE status = 'pending' OR (status = 'running' AND lease < $1) LIMIT 1";
        if self.database.optional(sql, values![now()]).await?.is_none() {
            return Ok(None);
        }
        self.database.write(move |tx| Box::pin(async move { take(tx, &limits).await })).await
    }
}

async fn take(tx: &mut Tx, limits: &TakeLimits) -> Result<Option<Taken>, StoreError> {
    // One after the other: what runs of an organisation is counted by one at a time.
    tx.next("job").await?;
    let now = now();
    give_up(tx, now).await?;
    let sql = format!(
        "SELECT {COLUMNS}, checkpoint FROM jobs j WHERE (j.status = 'pending' OR (j.status = 'running' AND j.lease < $1)) \
         AND (SELECT COUNT(*) FROM jobs r WHERE r.organisation = j.organisation AND r.status = 'running' AND r.lease >= $1) < $2 \
         ORDER BY j.priority DESC, j.created_at, j.id LIMIT 1{}",
        tx.skip_locked()
    );
    let running = i64::try_from(limits.running).unwrap_or(i64::MAX);
    let Some(row) = tx.optional(&sql, values![now, running]).await? else { return Ok(None) };
    let (found, checkpoint) = (job(&row)?, row.get("checkpoint")?);
    let holder = new_id();
    let again = (found.attempts > 0).then_some("taken again: the worker that had it died");
    let events = add(tx, &found.id, found.events, &[moved(JobStatus::Running, again)]).await?;
    let until = now.saturating_add(i64::try_from(limits.lease.as_millis()).unwrap_or(i64::MAX));
    let sql = format!(
        "UPDATE jobs SET status = 'running', attempts = attempts + 1, holder = $1, worker = $2, lease = $3, events = $4, \
         started_at = COALESCE(started_at, $5) WHERE id = $6 RETURNING {COLUMNS}"
    );
    let row = tx.one(&sql, values![&holder, &limits.worker, until, events, now, &found.id]).await?;
    Ok(Some(Taken { job: job(&row)?, holder, checkpoint }))
}

/// Jobs whose workers died: those that nobody wants any more are cancelled, those that were taken often enough have failed.
async fn give_up(tx: &mut Tx, now: i64) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE status = 'running' AND lease < $1 AND (stop = 1 OR attempts >= $2) \
         ORDER BY id LIMIT {SWEPT}{}",
        tx.skip_locked()
    );
    for row in tx.all(&sql, values![now, MAX_ATTEMPTS]).await? {
        let dead = job(&row)?;
        let (status, failure) = match dead.stop {
            true => (JobStatus::Cancelled, None),
            false => (JobStatus::Failed, Some("the worker died at it, and the one that took it after that died, too")),
        };
        let events = add(tx, &dead.id, dead.events, &[moved(status, failure)]).await?;
        let sql =
            "UPDATE jobs SET status = $1, failure = $2, completed_at = $3, holder = NULL, events = $4 WHERE id = $5";
        tx.execute(sql, values![status.as_str(), failure, now, events, &dead.id]).await?;
    }
    Ok(())
}
