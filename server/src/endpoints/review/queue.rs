//! `GET /v2/active-learning-queue`: pages of the queue.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::list::MAX_PAGE;
use store::{ItemFilter, ItemSort};
use utoipa::{IntoParams, ToSchema};
use vision::SkuId;

use super::request::{Parameters, parse};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::{ItemAnswer, Names};

/// Items of a page when nothing is said.
const PAGE: u32 = 50;

/// Which items, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// `open` (when left out), `labelled` or `conflict`.
    #[param(example = "open")]
    status: Option<String>,
    /// Number of the SKU it was taken for or came nearest to.
    sku_id: Option<String>,
    /// Kind of container.
    class: Option<String>,
    /// Foremost reason: `random`, `unknown`, `small_margin`, `near_threshold`, `low_similarity`, `low_confidence`,
    /// `novelty`, `rare_sku`, `disagreement` or `shadow`.
    reason: Option<String>,
    /// Minimum similarity.
    min_similarity: Option<String>,
    /// Largest similarity.
    max_similarity: Option<String>,
    /// Queued at or after this moment, milliseconds since 1970 in UTC.
    since_ms: Option<String>,
    /// Queued before this moment, milliseconds since 1970 in UTC.
    until_ms: Option<String>,
    /// `priority` (when left out), `newest`, `oldest` or `similarity`.
    #[param(example = "priority")]
    sort: Option<String>,
    /// 1 to 200; 50 when left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuePage {
    /// In the order asked for.
    items: Vec<ItemAnswer>,
    /// Asks for what follows, as `cursor`; null at the end.
    next_cursor: Option<String>,
}

impl QueueQuery {
    fn filter(&self) -> Result<ItemFilter, Problem> {
        let score = |name, value: &Option<String>| -> Result<Option<f64>, Problem> {
            let parsed: Option<f64> = parse(name, value.as_deref(), "a number within -1 and 1")?;
            match (parsed, value) {
                (Some(number), Some(text)) if !(-1.0..=1.0).contains(&number) => {
                    Err(Problem::parameter(name, text, "a number within -1 and 1"))
                }
                _ => Ok(parsed),
            }
        };
        let moment = "whole milliseconds since 1970";
        Ok(ItemFilter {
            status: self.status.as_deref().map(str::parse).transpose()?,
            sku: parse("sku_id", self.sku_id.as_deref(), "the number of a SKU")?.map(SkuId),
            class: self.class.clone(),
            reason: self.reason.as_deref().map(str::parse).transpose()?,
            min_similarity: score("min_similarity", &self.min_similarity)?,
            max_similarity: score("max_similarity", &self.max_similarity)?,
            since: parse("since_ms", self.since_ms.as_deref(), moment)?,
            until: parse("until_ms", self.until_ms.as_deref(), moment)?,
        })
    }

    fn limit(&self) -> Result<u32, Problem> {
        let allowed = "a whole number within 1 and 200";
        let limit = parse("limit", self.limit.as_deref(), allowed)?.unwrap_or(PAGE);
        if (1..=MAX_PAGE).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::parameter("limit", &limit.to_string(), allowed))
        }
    }
}

/// The review queue
///
/// Facings that recognition was unsure of, a page at a time. Also at `/api/v1/ai/v2/active-learning-queue`.
#[utoipa::path(
    get,
    path = "/v2/active-learning-queue",
    tag = "review",
    params(QueueQuery),
    responses(
        (status = 200, description = "A page", body = QueuePage),
        (status = 422, description = "A parameter has a value it may not have", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn queue(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<QueueQuery>,
) -> Result<Json<QueuePage>, Problem> {
    let (_, store) = app.review.open()?;
    let sort = query.sort.as_deref().map(str::parse::<ItemSort>).transpose()?.unwrap_or_default();
    let page = store.list(&query.filter()?, sort, query.cursor.as_deref(), query.limit()?).await?;
    let names = Names::of_items(&store, &page.items, false).await?;
    let items = page.items.iter().map(|item| names.item(item)).collect();
    Ok(Json(QueuePage { items, next_cursor: page.next }))
}
