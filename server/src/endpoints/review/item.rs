//! `GET /v2/active-learning-queue/{item}`: one item and what was said of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::request::Parameters;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::{CommentAnswer, ItemAnswer, LabelAnswer, Names};

/// An item with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemHistory {
    pub(crate) item: ItemAnswer,
    /// Oldest first; undone ones stay, with the label that takes them back.
    pub(crate) labels: Vec<LabelAnswer>,
    /// Oldest first, 50 at a time.
    pub(crate) comments: Vec<CommentAnswer>,
    /// Asks for the comments that follow, as `comments_after`; null at the end.
    pub(crate) next_comments: Option<String>,
}

/// Which comments.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemQuery {
    /// `next_comments` of the page before.
    pub(crate) comments_after: Option<String>,
}

/// One item of the review queue
///
/// With candidates' images, labels and comments.
#[utoipa::path(
    get,
    path = "/v2/active-learning-queue/{item}",
    tag = "review",
    params(("item" = String, Path, description = "Id of the item"), ItemQuery),
    responses(
        (status = 200, description = "The item", body = ItemHistory),
        (status = 404, description = "No such item", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn item(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Parameters(query): Parameters<ItemQuery>,
) -> Result<Json<ItemHistory>, Problem> {
    let (_, store) = app.review.open()?;
    Ok(Json(history(&store, &id, query.comments_after.as_deref()).await?))
}

pub(crate) async fn history(
    store: &store::Store,
    id: &str,
    comments_after: Option<&str>,
) -> Result<ItemHistory, store::StoreError> {
    let item = store.item(id).await?;
    let labels = store.history(id).await?;
    let said = store.comments(id, comments_after).await?;
    let candidates = item.candidates.iter().map(|(sku, _)| *sku);
    let named = candidates.chain(item.sku).chain(labels.iter().filter_map(|label| label.sku)).collect();
    let names = Names::of(store, named, true).await?;
    Ok(ItemHistory {
        item: names.item(&item),
        labels: labels.iter().map(|label| names.label(label)).collect(),
        comments: said.comments.into_iter().map(CommentAnswer::from).collect(),
        next_comments: said.next,
    })
}
