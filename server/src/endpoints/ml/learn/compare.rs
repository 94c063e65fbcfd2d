//! `POST /api/ml/models/compare`: algorithms are compared. The work is a job; the request waits for it as long as a request may.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use platform::jobs::{CompareRequest, JobDetails, JobRequest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::jobs::JobStatus;
use tabular::train::CrossValidation;
use tabular::{Algorithm, Task};
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use super::Submitted;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody, ProblemType};

/// What is compared.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareBody {
    /// Id of the data set.
    dataset_id: String,
    /// The column that is to be told.
    #[schema(example = "species")]
    target_column: String,
    /// classification or regression.
    #[schema(value_type = String, example = "classification")]
    task_type: Task,
    /// Algorithms, each with its default hyperparameters.
    #[schema(value_type = Vec<String>)]
    models: Vec<Algorithm>,
    /// Folds.
    #[serde(default = "five")]
    #[schema(default = 5, minimum = 2, maximum = 50)]
    cv: usize,
}

fn five() -> usize {
    CrossValidation::default().cv
}

/// How algorithms compare.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompareAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// Best first: `model`, `mean_score` (accuracy, or R2) and `std_score` over the folds.
    #[schema(value_type = Vec<Object>)]
    comparison: Box<RawValue>,
}

/// What a comparison leaves behind.
#[derive(Deserialize)]
struct Outcome {
    comparison: Box<RawValue>,
}

/// Compare algorithms
///
/// Cross-validates each with its default hyperparameters by the same folds. What takes longer than a request may is answered with
/// 202 and the id of the job that goes on.
#[utoipa::path(
    post,
    path = "/api/ml/models/compare",
    tag = "jobs",
    request_body = CompareBody,
    responses(
        (status = 200, description = "Best first", body = CompareAnswer),
        (status = 202, description = "It takes longer: the job goes on", body = Submitted),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as many jobs as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It cannot be done with this data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn compare(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<CompareBody>,
) -> Result<Response, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let CompareBody { dataset_id, target_column, task_type, models, cv } = change.body;
    let folding = CrossValidation { cv, ..CrossValidation::default() };
    let request = JobRequest::Compare(CompareRequest { target_column, task_type, models, folding });
    let submitted = app.platform.submit(&dataset_id, request, key, &actor).await;
    let submitted = submitted.map_err(problem::of_platform)?;
    let (patience, id) = (app.config.timeouts.request, &submitted.id);
    let done = app.platform.wait_for_job(&actor.organisation, id, patience).await.map_err(problem::of_platform)?;
    let JobDetails { job, outcome } = done;
    match (job.status, outcome) {
        (JobStatus::Completed, Some(outcome)) => {
            let Outcome { comparison } = serde_json::from_str(outcome.get()).map_err(|_| Problem::internal())?;
            Ok(Json(CompareAnswer { status: "success", comparison }).into_response())
        }
        (JobStatus::Failed, _) => {
            Err(Problem::new(ProblemType::UnfitTable, job.failure.as_deref().unwrap_or("the job failed")))
        }
        (JobStatus::Cancelled, _) => Err(Problem::new(ProblemType::JobStatus, "the job was cancelled")),
        _ => Ok((StatusCode::ACCEPTED, Submitted::of(job)).into_response()),
    }
}
