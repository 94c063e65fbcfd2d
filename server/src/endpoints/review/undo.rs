//! `POST /v2/active-learning/undo`: takes the last answer back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::label::{Labelled, answered};
use super::request::Change;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// Whose last label, and of what.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UndoBody {
    /// Who; or in the header `X-Reviewer`.
    #[schema(example = "ann")]
    reviewer: Option<String>,
    /// Of this item; the reviewer's last label of any item when left out.
    item_id: Option<String>,
}

/// Take a label back
///
/// The item, the gallery and the catalogue are as they were before it.
#[utoipa::path(
    post,
    path = "/v2/active-learning/undo",
    tag = "review",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it takes back nothing more")),
    request_body = UndoBody,
    responses(
        (status = 200, description = "The label that takes the other one back", body = Labelled),
        (status = 409, description = "There is none, or someone else has answered since", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn undo(State(app): State<Arc<App>>, change: Change<UndoBody>) -> Result<Json<Labelled>, Problem> {
    let (queue, store) = app.review.open()?;
    let Change { body, origin } = change;
    let reviewer = origin.reviewer(body.reviewer.as_deref());
    let key = origin.key(&reviewer)?;
    let label = store.undo(&reviewer, body.item_id.as_deref(), key).await?;
    answered(&app.metrics, &queue, &store, &[label]).await
}
