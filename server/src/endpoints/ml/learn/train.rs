//! `POST /api/ml/models/train`: a model is wanted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::jobs::JobRequest;

use super::super::by::By;
use super::super::problem;
use super::Submitted;
use super::body::TrainBody;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// Train a model
///
/// Puts a job into the queue. What it makes is judged by the test rows and can be deployed under the job's id.
#[utoipa::path(
    post,
    path = "/api/ml/models/train",
    tag = "jobs",
    request_body = TrainBody,
    responses(
        (status = 200, description = "The job waits for a worker", body = Submitted),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as many jobs as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It cannot be done with this data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn train(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<TrainBody>,
) -> Result<Json<Submitted>, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let (data_set, options) = change.body.options();
    let request = JobRequest::Train(options);
    let job = app.platform.submit(&data_set, request, key, &actor).await;
    Ok(Submitted::of(job.map_err(problem::of_platform)?))
}
