//! Jobs wanted, looked at, waited for, and not wanted any more.

use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use store::audit::Actor;
use store::jobs::{Job, JobEvent, NewJob};
use store::{Key, StoreError};

use super::JobRequest;
use crate::data_sets::Schema;
use crate::error::PlatformError;
use crate::platform::Platform;

/// A job and what became of it.
#[derive(Debug)]
pub struct JobDetails {
    /// What is kept of it.
    pub job: Job,
    /// What became of it, as JSON, when it is completed.
    pub outcome: Option<Box<RawValue>>,
}

impl Platform {
    /// Wants work to be done with a table.
    ///
    /// # Errors
    /// When the organisation has no such table or as many jobs as it may, or the work cannot be done with it.
    pub async fn submit(
        &self,
        data_set: &str,
        request: JobRequest,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Job, PlatformError> {
        let (store, set) = self.find(&actor.organisation, data_set).await?;
        request.check(&Schema::of(&store, &set).await?)?;
        let body = serde_json::to_value(&request).map_err(|_| PlatformError::Inside)?;
        let new = NewJob { kind: request.kind(), data_set: set.id, request: body, priority: request.priority() };
        let job = store.submit(new, self.limits().jobs.open, key, actor).await?;
        self.wanted().notify_one();
        Ok(job)
    }

    /// Jobs of an organisation, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn jobs(&self, organisation: &str) -> Result<Vec<Job>, PlatformError> {
        Ok(self.store().await?.jobs(organisation).await?)
    }

    /// A job and what became of it.
    ///
    /// # Errors
    /// When the organisation has none of that id, or the database is not there.
    pub async fn job(&self, organisation: &str, id: &str) -> Result<JobDetails, PlatformError> {
        let store = self.store().await?;
        let job = store.job(organisation, id).await?;
        let outcome = if job.status.is_over() { store.job_outcome(organisation, id).await? } else { None };
        let damaged = |_| StoreError::Damaged { what: "outcome of a job", value: id.to_owned() };
        Ok(JobDetails { job, outcome: outcome.map(RawValue::from_string).transpose().map_err(damaged)? })
    }

    /// What happened to a job after event number `after`.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn job_events(&self, organisation: &str, id: &str, after: i64) -> Result<Vec<JobEvent>, PlatformError> {
        Ok(self.store().await?.job_events(organisation, id, after).await?)
    }

    /// Ends a job: at once when it waits, soon when it runs.
    ///
    /// # Errors
    /// When the organisation has no such job, or it is over.
    pub async fn cancel_job(&self, id: &str, actor: &Actor) -> Result<Job, PlatformError> {
        Ok(self.store().await?.cancel_job(id, actor).await?)
    }

    /// The job when it is over, or as it stands after `patience`.
    ///
    /// # Errors
    /// As [`Platform::job`].
    pub async fn wait_for_job(
        &self,
        organisation: &str,
        id: &str,
        patience: Duration,
    ) -> Result<JobDetails, PlatformError> {
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(20));
        let store = self.store().await?;
        while !store.job(organisation, id).await?.status.is_over() && begun.elapsed() < patience {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        self.job(organisation, id).await
    }
}
