//! `GET /api/ml/jobs`: jobs, the newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::super::problem;
use super::answer::JobAnswer;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// Jobs of the organisation
#[utoipa::path(
    get,
    path = "/api/ml/jobs",
    tag = "jobs",
    responses(
        (status = 200, description = "The newest first, at most a thousand, without results", body = Vec<JobAnswer>),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Vec<JobAnswer>>, Problem> {
    let jobs = app.platform.jobs(&identity.organisation).await.map_err(problem::of_platform)?;
    Ok(Json(jobs.into_iter().map(|job| JobAnswer::of(job, None)).collect()))
}
