//! Jobs are wanted, and not wanted any more.

use serde_json::json;

use super::events::{add, moved};
use super::find::held;
use super::model::{COLUMNS, job};
use super::{Job, JobStatus};
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::idempotency::Key;
use crate::model::{new_id, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Longest request, in bytes.
const MAX_REQUEST: usize = 64 << 10;

/// Work that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// What is to be done, such as `train`.
    pub kind: &'static str,
    /// Id of the table that it is done with.
    pub data_set: String,
    /// What is to be done: JSON.
    pub request: serde_json::Value,
    /// Larger ones come first.
    pub priority: i64,
}

impl Store {
    /// Puts a job into the queue, unless the actor's organisation has `limit` jobs that wait or run. The same request by its key gives
    /// the job that was made then.
    ///
    /// # Errors
    /// When there is no such table, the organisation has as many jobs as it may, or the database is not there.
    pub async fn submit(&self, new: NewJob, limit: u64, key: Option<Key>, actor: &Actor) -> Result<Job, StoreError> {
        if new.request.to_string().len() > MAX_REQUEST {
            return Err(StoreError::invalid("request", "very long", format!("at most {MAX_REQUEST} bytes of JSON")));
        }
        let actor = actor.clone();
        self.database.write(move |tx| Box::pin(async move { submit(tx, new, limit, key.as_ref(), &actor).await })).await
    }

    /// Ends a job: at once when it waits, as soon as its worker hears of it when it runs. One that is cancelled already stays so.
    ///
    /// # Errors
    /// When there is no such job, it is completed or has failed, or the database is not there.
    pub async fn cancel_job(&self, id: &str, actor: &Actor) -> Result<Job, StoreError> {
        let (id, actor) = (id.to_owned(), actor.clone());
        self.database.write(move |tx| Box::pin(async move { cancel(tx, &id, &actor).await })).await
    }
}

async fn submit(tx: &mut Tx, new: NewJob, limit: u64, key: Option<&Key>, actor: &Actor) -> Result<Job, StoreError> {
    let ledger = Ledger::open(tx).await?;
    let organisation = &actor.organisation;
    if let Some(key) = key
        && let Some(done) = key.take(tx).await?
    {
        return held(tx, organisation, &done).await;
    }
    let sql = "SELECT 1 AS one FROM data_sets WHERE organisation = $1 AND id = $2";
    if tx.optional(sql, values![organisation, &new.data_set]).await?.is_none() {
        return Err(StoreError::not_found("data set", new.data_set));
    }
    let sql = "SELECT COUNT(*) AS open FROM jobs WHERE organisation = $1 AND status IN ('pending', 'running')";
    if tx.one(sql, values![organisation]).await?.int("open")?.unsigned_abs() >= limit {
        return Err(StoreError::Quota { what: "jobs that wait or run", limit });
    }
    let id = new_id();
    let sql = "INSERT INTO jobs (id, organisation, kind, data_set, request, status, priority, attempts, stop, lease, events, \
               created_at, created_by) VALUES ($1, $2, $3, $4, $5, 'pending', $6, 0, 0, 0, $7, $8, $9)";
    let events = [moved(JobStatus::Pending, None)];
    let row = values![
        &id,
        organisation,
        new.kind,
        &new.data_set,
        new.request.to_string(),
        new.priority,
        events.len() as i64,
        now(),
        &actor.name
    ];
    tx.execute(sql, row).await?;
    add(tx, &id, 0, &events).await?;
    let details = json!({"kind": new.kind, "data_set": new.data_set});
    ledger.write(tx, actor, Record { details, ..Record::of("job.create", &id) }).await?;
    if let Some(key) = key {
        key.keep(tx, &id).await?;
    }
    held(tx, organisation, &id).await
}

async fn cancel(tx: &mut Tx, id: &str, actor: &Actor) -> Result<Job, StoreError> {
    let ledger = Ledger::open(tx).await?;
    let found = held(tx, &actor.organisation, id).await?;
    match found.status {
        JobStatus::Cancelled => return Ok(found),
        JobStatus::Completed | JobStatus::Failed => {
            return Err(StoreError::JobStatus {
                id: found.id,
                status: found.status,
                remedy: "it cannot be cancelled any more",
            });
        }
        JobStatus::Running if found.stop => return Ok(found),
        JobStatus::Running => {
            tx.execute("UPDATE jobs SET stop = 1 WHERE id = $1", values![id]).await?;
        }
        JobStatus::Pending => {
            let events = add(tx, id, found.events, &[moved(JobStatus::Cancelled, None)]).await?;
            let sql = "UPDATE jobs SET status = 'cancelled', stop = 1, completed_at = $1, events = $2 WHERE id = $3";
            tx.execute(sql, values![now(), events, id]).await?;
        }
    }
    ledger.write(tx, actor, Record::of("job.cancel", id)).await?;
    let row = tx.one(&format!("SELECT {COLUMNS} FROM jobs WHERE id = $1"), values![id]).await?;
    job(&row)
}
