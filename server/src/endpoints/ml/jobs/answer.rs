//! A job as it is answered.

use serde::Serialize;
use serde_json::value::RawValue;
use store::jobs::Job;
use utoipa::ToSchema;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobAnswer {
    /// UUID. The model that it makes has the same.
    job_id: String,
    /// train, tune, compare or forecast.
    #[schema(example = "train")]
    kind: String,
    /// pending, running, completed, failed or cancelled.
    #[schema(example = "completed")]
    status: &'static str,
    /// Id of the data set.
    dataset_id: String,
    /// What was wanted.
    #[schema(value_type = Object)]
    request: serde_json::Value,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    created_at: String,
    /// When a worker took it first.
    started_at: Option<String>,
    /// When it was over.
    completed_at: Option<String>,
    /// Who wanted it.
    created_by: String,
    /// How often it was taken: twice when its first worker died.
    attempts: i64,
    /// Whether somebody wants it to end.
    cancel_requested: bool,
    /// Why it failed.
    error: Option<String>,
    /// Of a completed job: `evaluation`, `training_history`, `training_summary`; of a search `best` and `trials`, too; of a comparison
    /// `comparison`; of a forecast `forecast`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Box<RawValue>>,
}

impl JobAnswer {
    pub(super) fn of(job: Job, results: Option<Box<RawValue>>) -> Self {
        let time = |at: i64| vision::time::timestamp(at.max(0).unsigned_abs() / 1000);
        Self {
            job_id: job.id,
            kind: job.kind,
            status: job.status.as_str(),
            dataset_id: job.data_set,
            request: job.request,
            created_at: time(job.created_at),
            started_at: job.started_at.map(time),
            completed_at: job.completed_at.map(time),
            created_by: job.created_by,
            attempts: job.attempts,
            cancel_requested: job.stop,
            error: job.failure,
            results,
        }
    }
}
