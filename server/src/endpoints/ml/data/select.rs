//! `POST /api/ml/data/select-features`: which features tell most.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::data_sets::FeatureChoice;
use serde::{Deserialize, Serialize};
use tabular::{SelectionMethod, SelectionOptions, Task};
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What features are chosen of, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SelectBody {
    /// Id of the data set.
    dataset_id: String,
    /// The column that is to be told.
    #[schema(example = "species")]
    target_column: String,
    /// correlation, mutual_info, rfe, tree_importance or statistical.
    #[schema(value_type = String, example = "mutual_info")]
    method: SelectionMethod,
    /// How many are kept.
    #[schema(minimum = 1, example = 10)]
    n_features: usize,
    /// classification or regression.
    #[schema(value_type = String, example = "classification")]
    task_type: Task,
}

/// Features that were chosen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SelectAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// Their names, best first; of a column of words COLUMN=WORD.
    selected_features: Vec<String>,
    /// How much each of them tells, in the unit of the method.
    feature_importance: Vec<f64>,
    /// Id of the data set with the columns that they are made of, and the target.
    selected_dataset_id: String,
}

/// Select features
///
/// Ranks the features of a data set by how much they tell of its target. The columns of the best are another data set.
#[utoipa::path(
    post,
    path = "/api/ml/data/select-features",
    tag = "tables",
    request_body = SelectBody,
    responses(
        (status = 200, description = "The features, best first", body = SelectAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as much as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Nothing can be learned of the data set so", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "The organisation has too much in work", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "It took too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn select_features(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<SelectBody>,
) -> Result<Json<SelectAnswer>, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let SelectBody { dataset_id, target_column, method, n_features, task_type } = change.body;
    let selection = SelectionOptions { method, n_features };
    let choice = FeatureChoice { target_column, task: task_type, selection };
    let done = app.platform.select_features(&dataset_id, choice, key, &actor).await.map_err(problem::of_platform)?;
    Ok(Json(SelectAnswer {
        status: "success",
        feature_importance: done.features.iter().map(|feature| feature.importance).collect(),
        selected_features: done.features.into_iter().map(|feature| feature.name).collect(),
        selected_dataset_id: done.set.id,
    }))
}
