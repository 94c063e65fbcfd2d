//! What the holder of a job writes: that it lives, what happens, how it ended. Who does not hold it any more is told so.

use std::time::Duration;

use super::events::{add, moved};
use super::model::{COLUMNS, job};
use super::{Job, JobStatus, NewEvent, Taken};
use crate::audit::{Actor, Ledger};
use crate::error::StoreError;
use crate::model::now;
use crate::registry::NewModel;
use crate::registry::register_within;
use crate::sql::{Tx, values};
use crate::store::Store;

/// The job is somebody else's now, or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It was done.
    Completed {
        /// What became of it: JSON.
        outcome: String,
        /// The version that it made: registered as one in the making, under the job's id.
        model: Option<Box<NewModel>>,
    },
    /// It could not be done.
    Failed {
        /// Why.
        failure: String,
    },
    /// Somebody wanted it to end.
    Cancelled,
    /// The worker stops: somebody else takes the job, and it counts as not taken.
    GivenBack,
}

impl Store {
    /// A sign of life, with what happened since the last one. Says whether somebody wants the job to end.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn job_beat(
        &self,
        taken: &Taken,
        lease: Duration,
        events: Vec<NewEvent>,
        checkpoint: Option<String>,
    ) -> Result<Result<bool, Lost>, StoreError> {
        let (id, holder) = (taken.job.id.clone(), taken.holder.clone());
        let until = now().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    let Some(mine) = mine(tx, &id, &holder).await? else { return Ok(Err(Lost)) };
                    let events = add(tx, &id, mine.events, &events).await?;
                    let sql =
                        "UPDATE jobs SET lease = $1, events = $2, checkpoint = COALESCE($3, checkpoint) WHERE id = $4";
                    tx.execute(sql, values![until, events, checkpoint, &id]).await?;
                    Ok(Ok(mine.stop))
                })
            })
            .await
    }

    /// How it ended: once, by its holder, with the version that it made or not at all. A job that somebody wants to end is cancelled,
    /// whatever its worker says.
    ///
    /// # Errors
    /// When the version cannot be registered, or the database is not there.
    pub async fn end_job(
        &self,
        taken: &Taken,
        ending: Ending,
        events: Vec<NewEvent>,
    ) -> Result<Result<Job, Lost>, StoreError> {
        if let Ending::Completed { model: Some(model), .. } = &ending {
            self.check_files(model).await?;
        }
        let (id, holder) = (taken.job.id.clone(), taken.holder.clone());
        self.database.write(move |tx| Box::pin(async move { end(tx, (&id, &holder), ending, events).await })).await
    }
}

async fn end(
    tx: &mut Tx,
    (id, holder): (&str, &str),
    ending: Ending,
    mut events: Vec<NewEvent>,
) -> Result<Result<Job, Lost>, StoreError> {
    // Before the job's row, as in every change that is audited.
    let ledger = match &ending {
        Ending::Completed { model: Some(_), .. } => Some(Ledger::open(tx).await?),
        _ => None,
    };
    let Some(mine) = mine(tx, id, holder).await? else { return Ok(Err(Lost)) };
    let ending = if mine.stop { Ending::Cancelled } else { ending };
    let (status, outcome, failure) = match ending {
        Ending::Completed { outcome, model } => {
            if let (Some(model), Some(ledger)) = (model, ledger) {
                let actor = Actor {
                    organisation: mine.organisation.clone(),
                    name: mine.created_by.clone(),
                    role: crate::access::Role::Engineer,
                    request: String::new(),
                };
                register_within(tx, ledger, *model, Some(mine.id.clone()), &actor).await?;
            }
            (JobStatus::Completed, Some(outcome), None)
        }
        Ending::Failed { failure } => (JobStatus::Failed, None, Some(failure)),
        Ending::Cancelled => (JobStatus::Cancelled, None, None),
        Ending::GivenBack => (JobStatus::Pending, None, None),
    };
    events.push(moved(status, failure.as_deref()));
    let events = add(tx, id, mine.events, &events).await?;
    let untaken = i64::from(status == JobStatus::Pending);
    let sql = format!(
        "UPDATE jobs SET status = $1, outcome = $2, failure = $3, completed_at = $4, holder = NULL, lease = 0, events = $5, \
         attempts = attempts - $6 WHERE id = $7 RETURNING {COLUMNS}"
    );
    let completed_at = status.is_over().then(now);
    let row = tx.one(&sql, values![status.as_str(), outcome, failure, completed_at, events, untaken, id]).await?;
    Ok(Ok(job(&row)?))
}

/// The job, if this holder has it; held until the transaction ends.
async fn mine(tx: &mut Tx, id: &str, holder: &str) -> Result<Option<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1 AND holder = $2 AND status = 'running'{}", tx.locked());
    tx.optional(&sql, values![id, holder]).await?.as_ref().map(job).transpose()
}
