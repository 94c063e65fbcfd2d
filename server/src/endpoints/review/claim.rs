//! `POST /v2/active-learning/claim`: work for a reviewer; `/release` gives it back.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::ClaimRequest;
use utoipa::ToSchema;

use super::request::Change;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::{ItemAnswer, Names};

/// Items of a claim when nothing is said: the one on screen and a few to come.
const COUNT: u32 = 5;
/// Maximum number of items of a claim.
const MAX_COUNT: u32 = 50;
/// Longest lease in seconds: who needs longer claims again.
const MAX_LEASE: u64 = 3_600;

/// What a reviewer asks for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClaimBody {
    /// Who; or in the header `X-Reviewer`.
    #[schema(example = "ann")]
    reviewer: Option<String>,
    /// How many, 1 to 50; 5 when left out.
    #[schema(example = 5)]
    count: Option<u32>,
    /// How long nobody else gets them, 1 to 3600; `review.claim_seconds` of the configuration when left out.
    lease_seconds: Option<u64>,
}

/// What a reviewer gives back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReleaseBody {
    /// Who; or in the header `X-Reviewer`.
    #[schema(example = "ann")]
    reviewer: Option<String>,
    /// Ids of the items.
    item_ids: Vec<String>,
}

/// Items for this reviewer alone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Claimed {
    /// Most urgent first; second looks before all.
    items: Vec<ItemAnswer>,
}

/// How many were given back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Released {
    /// Items that this reviewer held.
    released: u64,
}

/// Claim items
///
/// The most urgent items, which nobody else gets until the lease ends. Nobody holds more than 100 at a time.
#[utoipa::path(
    post,
    path = "/v2/active-learning/claim",
    tag = "review",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it claims nothing more")),
    request_body = ClaimBody,
    responses(
        (status = 200, description = "Items, perhaps none", body = Claimed),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn claim(State(app): State<Arc<App>>, change: Change<ClaimBody>) -> Result<Json<Claimed>, Problem> {
    let (queue, store) = app.review.open()?;
    let Change { body, origin } = change;
    let count = body.count.unwrap_or(COUNT);
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Problem::parameter("count", &count.to_string(), "a whole number within 1 and 50"));
    }
    let lease = match body.lease_seconds {
        None => queue.config().claim,
        Some(seconds @ 1..=MAX_LEASE) => Duration::from_secs(seconds),
        Some(seconds) => {
            return Err(Problem::parameter("lease_seconds", &seconds.to_string(), "a whole number within 1 and 3600"));
        }
    };
    let reviewer = origin.reviewer(body.reviewer.as_deref());
    let key = origin.key(&reviewer)?;
    let items = store.claim(ClaimRequest { reviewer, count, lease, key }).await?;
    let names = Names::of_items(&store, &items, true).await?;
    Ok(Json(Claimed { items: items.iter().map(|item| names.item(item)).collect() }))
}

/// Give items back
///
/// Ends claims of this reviewer, so that others get the items at once.
#[utoipa::path(
    post,
    path = "/v2/active-learning/release",
    tag = "review",
    request_body = ReleaseBody,
    responses(
        (status = 200, description = "How many were given back", body = Released),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    change: Change<ReleaseBody>,
) -> Result<Json<Released>, Problem> {
    let (_, store) = app.review.open()?;
    let reviewer = change.origin.reviewer(change.body.reviewer.as_deref());
    if change.body.item_ids.len() > 1_000 {
        return Err(Problem::parameter("item_ids", &change.body.item_ids.len().to_string(), "at most 1000 ids"));
    }
    Ok(Json(Released { released: store.release(reviewer, change.body.item_ids).await? }))
}
