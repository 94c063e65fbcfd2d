//! `POST /api/ml/jobs/{id}/cancel`: a job is not wanted any more.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use super::answer::JobAnswer;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CancelBody {}

/// Cancel a job
///
/// One that waits is cancelled at once; one that runs as soon as its worker hears of it, within about a second.
#[utoipa::path(
    post,
    path = "/api/ml/jobs/{job}/cancel",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job")),
    request_body = CancelBody,
    responses(
        (status = 200, description = "Where it stands", body = JobAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is completed, or has failed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    By(actor): By,
    Path(job): Path<String>,
    _: Change<CancelBody>,
) -> Result<Json<JobAnswer>, Problem> {
    let job = app.platform.cancel_job(&job, &actor).await.map_err(problem::of_platform)?;
    Ok(Json(JobAnswer::of(job, None)))
}
