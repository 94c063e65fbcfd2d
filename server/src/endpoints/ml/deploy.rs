//! `POST /api/ml/models/deploy`: what was trained gets a name and a version.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use store::registry::Deploy;
use utoipa::ToSchema;

use super::answer::Changed;
use super::by::By;
use super::problem;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What is deployed, and as what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeployBody {
    /// Of a completed training or search, or of a release that was registered as one in the making.
    training_job_id: String,
    /// Letters, digits, dots, underscores and hyphens.
    #[schema(example = "shelf")]
    model_name: String,
    /// One of a kind under the name.
    #[schema(example = "1.2")]
    version: String,
    /// Words about it.
    #[serde(default)]
    description: String,
    /// Words to find it by.
    #[serde(default)]
    tags: Vec<String>,
    /// Whether it goes into production at once, when it has passed the gates.
    #[serde(default)]
    promote_to_production: bool,
}

/// Deploy a model
///
/// Takes what was trained into the registry, and into production when that is asked for: both or neither.
#[utoipa::path(
    post,
    path = "/api/ml/models/deploy",
    tag = "models",
    request_body = DeployBody,
    responses(
        (status = 200, description = "It is deployed", body = Changed),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such training", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The version is taken, or the gates were not passed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn deploy(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<DeployBody>,
) -> Result<Json<Changed>, Problem> {
    let DeployBody { training_job_id, model_name, version, description, tags, promote_to_production } = change.body;
    let deploy =
        Deploy { job: training_job_id, name: model_name, version, description, tags, promote: promote_to_production };
    let done = app.platform.deploy(deploy, &actor).await.map_err(problem::of_platform)?;
    app.swaps.production_changed();
    Ok(Changed::of(&done))
}
