//! `POST /api/ml/models/{model_name}/rollback`: back to what was in production.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use store::registry::Target;
use utoipa::{IntoParams, ToSchema};

use super::answer::Changed;
use super::by::By;
use super::{open, problem};
use crate::app::App;
use crate::endpoints::review::request::{Change, Parameters};
use crate::problem::{Problem, ProblemBody};

/// Where to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RollbackQuery {
    /// A version that has been in production; the one before when left out.
    to_version: Option<String>,
}

/// Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RollbackBody {}

/// Roll a model back
///
/// Puts back what was in production before, or a version that once was. Asked for again, it goes further back: name the request
/// by an `Idempotency-Key`, so that sending it twice does it once.
#[utoipa::path(
    post,
    path = "/api/ml/models/{model}/rollback",
    tag = "models",
    params(
        ("model" = String, Path, description = "Name of the model"),
        RollbackQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it goes back no further"),
    ),
    request_body = RollbackBody,
    responses(
        (status = 200, description = "It is in production again", body = Changed),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Nothing was in production before", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rollback(
    State(app): State<Arc<App>>,
    By(actor): By,
    Path(model): Path<String>,
    Parameters(query): Parameters<RollbackQuery>,
    change: Change<RollbackBody>,
) -> Result<Json<Changed>, Problem> {
    let store = open(&app).await?;
    let key = change.origin.key_within(&actor.organisation)?;
    let target = query.to_version.map_or(Target::Before, Target::Version);
    let done = store.rollback(&model, target, key, &actor).await.map_err(problem::of)?;
    app.swaps.production_changed();
    Ok(Changed::of(&done))
}
