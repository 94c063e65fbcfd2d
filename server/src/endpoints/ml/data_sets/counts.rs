//! `POST /api/ml/datasets/counts`: what photos counted becomes a data set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::data_sets::CountsRange;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use super::upload::UploadAnswer;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// Which answers become rows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountsBody {
    /// Answered from then on; from the first one otherwise.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<DateTime<Utc>>,
    /// Answered before then; until now otherwise.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<DateTime<Utc>>,
    /// What the data set is to be called.
    #[schema(example = "counts")]
    name: Option<String>,
}

/// Make a data set of counts
///
/// A row for each SKU on each photo that named a store and a shelf: time, store, shelf, sku, facings, photo_facings, photo_unknown, release.
/// A SKU that an earlier photo of the range saw on the shelf, and this one does not, has a row of 0 facings.
#[utoipa::path(
    post,
    path = "/api/ml/datasets/counts",
    tag = "tables",
    request_body = CountsBody,
    responses(
        (status = 200, description = "It is kept", body = UploadAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as much as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many rows", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Nothing was counted then", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "The organisation has too much in work", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn counts(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<CountsBody>,
) -> Result<Json<UploadAnswer>, Problem> {
    let CountsBody { from, until, name } = change.body;
    let range = CountsRange {
        from: from.map_or(0, |from| from.timestamp_millis()),
        until: until.unwrap_or_else(Utc::now).timestamp_millis(),
    };
    let made = app.platform.counts(range, name.as_deref(), change.origin.key_text(), &actor).await;
    Ok(Json(made.map_err(problem::of_platform)?.into()))
}
