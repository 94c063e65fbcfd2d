//! `GET /api/ml/jobs/{id}`, also as `GET /api/ml/models/train/{id}`: what becomes of a job.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use platform::jobs::JobDetails;

use super::super::problem;
use super::answer::JobAnswer;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// What becomes of a job
#[utoipa::path(
    get,
    path = "/api/ml/jobs/{job}",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "Where it stands, and what became of it", body = JobAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(job): Path<String>,
) -> Result<Json<JobAnswer>, Problem> {
    find(&app, &identity, &job).await
}

/// What becomes of a training
#[utoipa::path(
    get,
    path = "/api/ml/models/train/{job}",
    tag = "jobs",
    params(("job" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "Where it stands, and what became of it", body = JobAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such job", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn training(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(job): Path<String>,
) -> Result<Json<JobAnswer>, Problem> {
    find(&app, &identity, &job).await
}

async fn find(app: &App, identity: &Identity, job: &str) -> Result<Json<JobAnswer>, Problem> {
    let JobDetails { job, outcome } =
        app.platform.job(&identity.organisation, job).await.map_err(problem::of_platform)?;
    Ok(Json(JobAnswer::of(job, outcome)))
}
