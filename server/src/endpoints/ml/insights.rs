//! `/api/ml/insights`: what stands on each shelf at the next visit, and what to refill first.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use platform::jobs::JobRequest;
use serde::{Deserialize, Serialize};
use tabular::forecast::{Forecast, ForecastOptions};
use utoipa::{IntoParams, ToSchema};

use super::by::By;
use super::learn::Submitted;
use super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::review::request::{Change, Parameters};
use crate::problem::{Problem, ProblemBody};

/// Places of an answer, unless more are asked for.
const PLACES: usize = 500;
/// The most.
const MAX_PLACES: usize = 5_000;

/// Which forecast, and how much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InsightsQuery {
    /// The newest forecast of this data set; the newest of all when left out.
    dataset_id: Option<String>,
    /// Places, the most urgent first.
    #[param(default = 500, minimum = 1, maximum = 5000)]
    limit: Option<usize>,
}

/// The newest forecast.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InsightsAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The job that made it; `null` when nothing was foretold yet.
    job_id: Option<String>,
    /// The data set that it was made from.
    dataset_id: Option<String>,
    /// When it was asked for: RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    created_at: Option<String>,
    /// `synthetic` (whether the counts were made up), `level` of the intervals, `visits`, `places`, `rows_left_out`; `measured` on later
    /// visits than it learned from: `model` beside `last_value` and `weekday_mean` (`mae`, `brier`, `coverage`, `mean_width`) and
    /// `calibration`; `outlooks`, the most urgent first: `store, shelf, sku, seen_at, facings, next_visit, expected, low, high,
    /// probability_empty, last_value, weekday_mean, falls_per_day, priority, reasons[]`.
    #[schema(value_type = Option<Object>)]
    forecast: Option<Forecast>,
}

/// What to refill first
///
/// The newest forecast: for each SKU on each shelf the probability that none is left at the next visit, an interval of its facings, and
/// why.
#[utoipa::path(
    get,
    path = "/api/ml/insights",
    tag = "tables",
    params(InsightsQuery),
    responses(
        (status = 200, description = "The newest forecast, or null", body = InsightsAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn insights(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Parameters(query): Parameters<InsightsQuery>,
) -> Result<Json<InsightsAnswer>, Problem> {
    let limit = query.limit.unwrap_or(PLACES);
    if !(1..=MAX_PLACES).contains(&limit) {
        return Err(Problem::parameter("limit", &limit.to_string(), "1 to 5000"));
    }
    let found = app.platform.insights(&identity.organisation, query.dataset_id.as_deref()).await;
    let Some(found) = found.map_err(problem::of_platform)? else {
        let (job_id, dataset_id, created_at, forecast) = (None, None, None, None);
        return Ok(Json(InsightsAnswer { status: "success", job_id, dataset_id, created_at, forecast }));
    };
    let mut forecast = found.forecast;
    forecast.outlooks.truncate(limit);
    Ok(Json(InsightsAnswer {
        status: "success",
        created_at: Some(vision::time::timestamp(found.job.created_at.max(0).unsigned_abs() / 1000)),
        job_id: Some(found.job.id),
        dataset_id: Some(found.job.data_set),
        forecast: Some(forecast),
    }))
}

/// What is foretold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InsightsBody {
    /// A data set with the columns time, store, shelf, sku and facings: counts, as POST /api/ml/datasets/counts makes them.
    dataset_id: String,
    /// Probability with which an interval holds what is found.
    #[schema(default = 0.9, minimum = 0.5, maximum = 0.99)]
    level: Option<f64>,
    /// Another seed, other trees.
    #[schema(default = 42)]
    seed: Option<u64>,
}

/// Foretell
///
/// Puts a job into the queue that learns from all visits of a data set of counts. GET /api/ml/insights gives what it says.
#[utoipa::path(
    post,
    path = "/api/ml/insights/forecast",
    tag = "tables",
    request_body = InsightsBody,
    responses(
        (status = 200, description = "The job waits for a worker", body = Submitted),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as many jobs as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The data set is none of counts", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<InsightsBody>,
) -> Result<Json<Submitted>, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let InsightsBody { dataset_id, level, seed } = change.body;
    let plain = ForecastOptions::default();
    let options = ForecastOptions { level: level.unwrap_or(plain.level), seed: seed.unwrap_or(plain.seed) };
    let job = app.platform.submit(&dataset_id, JobRequest::Forecast(options), key, &actor).await;
    Ok(Submitted::of(job.map_err(problem::of_platform)?))
}
