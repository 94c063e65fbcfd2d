//! `POST /api/ml/data/split`: a data set in parts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::data_sets::{SplitBy, SplitRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What is split, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitBody {
    /// Id of the data set.
    dataset_id: String,
    /// The column that is to be told; that of the upload otherwise.
    #[schema(example = "species")]
    target_column: Option<String>,
    /// Fraction of rows for testing.
    #[serde(default = "fifth")]
    #[schema(default = 0.2)]
    test_size: f64,
    /// Fraction of rows for validation.
    #[serde(default = "tenth")]
    #[schema(default = 0.1)]
    validation_size: f64,
    /// Whether every class of the target has the same ratio in all parts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    stratify: bool,
    /// Rows with one value of this column stay together, instead of `stratify`.
    group_column: Option<String>,
    /// The latest rows by this column are for testing, instead of `stratify`.
    time_column: Option<String>,
    /// Another seed, another split.
    #[serde(default = "forty_two")]
    #[schema(default = 42)]
    seed: u64,
}

fn fifth() -> f64 {
    0.2
}

fn tenth() -> f64 {
    0.1
}

fn yes() -> bool {
    true
}

fn forty_two() -> u64 {
    42
}

/// The parts of a data set; one that was not asked for is `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SplitAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// Names the split: it stands in the lineage of each part.
    split_id: String,
    /// Rows to learn from.
    train_samples: u64,
    /// Rows to choose by.
    validation_samples: u64,
    /// Rows to judge by.
    test_samples: u64,
    /// Id of the data set to learn from.
    train_dataset_id: String,
    /// Id of the data set to choose by.
    validation_dataset_id: Option<String>,
    /// Id of the data set to judge by.
    test_dataset_id: Option<String>,
}

/// Split a data set
///
/// Each part is another data set: all are kept, or none.
#[utoipa::path(
    post,
    path = "/api/ml/data/split",
    tag = "tables",
    request_body = SplitBody,
    responses(
        (status = 200, description = "The parts", body = SplitAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as much as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A part would be empty, or a value may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "The organisation has too much in work", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn split(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<SplitBody>,
) -> Result<Json<SplitAnswer>, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let SplitBody { dataset_id, target_column, test_size, validation_size, stratify, group_column, time_column, seed } =
        change.body;
    let by = match (group_column, time_column) {
        (None, None) if stratify => SplitBy::Target,
        (None, None) => SplitBy::Chance,
        (Some(column), None) => SplitBy::Group(column),
        (None, Some(column)) => SplitBy::Time(column),
        (Some(_), Some(column)) => {
            return Err(Problem::parameter("time_column", &column, "left out where group_column is given"));
        }
    };
    let request = SplitRequest { target_column, test_size, validation_size, by, seed };
    let parts = app.platform.split(&dataset_id, request, key, &actor).await.map_err(problem::of_platform)?;
    let rows = |part: &Option<store::data_sets::DataSet>| part.as_ref().map_or(0, |set| set.rows);
    Ok(Json(SplitAnswer {
        status: "success",
        split_id: parts.split_id,
        train_samples: parts.train.rows,
        validation_samples: rows(&parts.validation),
        test_samples: rows(&parts.test),
        train_dataset_id: parts.train.id,
        validation_dataset_id: parts.validation.map(|set| set.id),
        test_dataset_id: parts.test.map(|set| set.id),
    }))
}
