//! `POST /v2/active-learning/comment`: words about an item.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::request::Change;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::CommentAnswer;

/// What is said, and of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentBody {
    /// Which item.
    item_id: String,
    /// At most 2000 characters.
    #[schema(example = "Label turned away; the cap says lemon.")]
    text: String,
    /// Who; or in the header `X-Reviewer`.
    #[serde(default)]
    reviewer: Option<String>,
}

/// Comment on an item
#[utoipa::path(
    post,
    path = "/v2/active-learning/comment",
    tag = "review",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it says it once")),
    request_body = CommentBody,
    responses(
        (status = 200, description = "The comment", body = CommentAnswer),
        (status = 404, description = "No such item", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Empty, or too long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn comment(
    State(app): State<Arc<App>>,
    change: Change<CommentBody>,
) -> Result<Json<CommentAnswer>, Problem> {
    let (_, store) = app.review.open()?;
    let Change { body, origin } = change;
    let author = origin.reviewer(body.reviewer.as_deref());
    let key = origin.key(&author)?;
    Ok(Json(store.comment(&body.item_id, &author, &body.text, key).await?.into()))
}
