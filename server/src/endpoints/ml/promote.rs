//! `POST /api/ml/models/{model_id}/promote`: a version goes into production.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::Changed;
use super::by::By;
use super::{open, problem};
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PromoteBody {}

/// Promote a model
///
/// Puts a staged version into production, in place of the one of its name that is there, when it has passed the gates. That one
/// is archived; a rollback brings it back.
#[utoipa::path(
    post,
    path = "/api/ml/models/{model}/promote",
    tag = "models",
    params(("model" = String, Path, description = "Id of the version")),
    request_body = PromoteBody,
    responses(
        (status = 200, description = "It is in production", body = Changed),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is not staged, or has not passed the gates", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn promote(
    State(app): State<Arc<App>>,
    By(actor): By,
    Path(model): Path<String>,
    _: Change<PromoteBody>,
) -> Result<Json<Changed>, Problem> {
    let store = open(&app).await?;
    let done = store.promote(&actor.organisation, &model, None, &actor).await.map_err(problem::of)?;
    app.swaps.production_changed();
    Ok(Changed::of(&done))
}
