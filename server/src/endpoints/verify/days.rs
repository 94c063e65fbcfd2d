//! `GET /review/verify/days`: how far the photos of each day are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::access::DEFAULT_ORGANISATION;
use store::model::now;
use utoipa::ToSchema;

use super::store;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// Days named.
const DAYS: u32 = 62;

/// How far people are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Days {
    /// Days of UTC that have photos, the last first; at most 62.
    days: Vec<DayProgress>,
    /// People who must leave the same boxes before a photo counts as verified.
    looks: u32,
}

/// How far the photos of a day are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DayProgress {
    /// The day.
    #[schema(example = "2026-11-30")]
    day: String,
    /// All of them.
    photos: u64,
    /// Those that nobody has looked at.
    open: u64,
    /// Those that wait for another look.
    second: u64,
    /// Those that are done.
    verified: u64,
    /// Those that somebody has at hand.
    claimed: u64,
}

/// How far verification is
///
/// Photos that are kept, by day.
#[utoipa::path(
    get,
    path = "/review/verify/days",
    tag = "photos",
    responses(
        (status = 200, description = "Days", body = Days),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn days(State(app): State<Arc<App>>) -> Result<Json<Days>, Problem> {
    let store = store(&app).await?;
    let mut days = Vec::new();
    for day in store.photo_days(DEFAULT_ORGANISATION, DAYS).await? {
        let progress = store.verify_progress(DEFAULT_ORGANISATION, day, now()).await?;
        days.push(DayProgress {
            day: day.to_string(),
            photos: progress.photos,
            open: progress.open,
            second: progress.second,
            verified: progress.verified,
            claimed: progress.claimed,
        });
    }
    Ok(Json(Days { days, looks: app.config.photos.looks }))
}
