//! `POST /api/ml/data/clean`: missing values and outliers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tabular::{CleanOptions, MissingStrategy, OutlierMethod};
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What is cleaned, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CleanBody {
    /// Id of the data set.
    dataset_id: String,
    /// What becomes of missing values: mean, median, mode, drop, forward_fill or backward_fill.
    #[serde(default)]
    #[schema(value_type = String, default = "mean", example = "median")]
    missing_strategy: MissingStrategy,
    /// What is an outlier, whose row goes: iqr, zscore or none.
    #[serde(default)]
    #[schema(value_type = String, default = "none", example = "iqr")]
    outlier_method: OutlierMethod,
    /// How far out, in the unit of the method: interquartile ranges or standard deviations.
    #[serde(default = "three")]
    #[schema(default = 3.0)]
    outlier_threshold: f64,
}

fn three() -> f64 {
    CleanOptions::default().outlier_threshold
}

/// A data set that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CleanAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// Id of the clean data set.
    cleaned_dataset_id: String,
    /// Rows before.
    original_rows: u64,
    /// Rows after.
    cleaned_rows: u64,
    /// Values that are missing still: there was nothing to fill them with.
    still_missing: u64,
}

/// Clean a data set
///
/// Outliers go with their rows, then missing values are filled. The clean table is another data set.
#[utoipa::path(
    post,
    path = "/api/ml/data/clean",
    tag = "tables",
    request_body = CleanBody,
    responses(
        (status = 200, description = "The clean data set", body = CleanAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as much as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No row would be left, or the threshold is none", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "The organisation has too much in work", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn clean(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<CleanBody>,
) -> Result<Json<CleanAnswer>, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let CleanBody { dataset_id, missing_strategy, outlier_method, outlier_threshold } = change.body;
    let options = CleanOptions { missing_strategy, outlier_method, outlier_threshold };
    let done = app.platform.clean(&dataset_id, options, key, &actor).await.map_err(problem::of_platform)?;
    Ok(Json(CleanAnswer {
        status: "success",
        cleaned_dataset_id: done.set.id,
        original_rows: done.original_rows,
        cleaned_rows: done.set.rows,
        still_missing: done.still_missing,
    }))
}
