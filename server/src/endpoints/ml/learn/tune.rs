//! `POST /api/ml/models/tune`: the best hyperparameters are wanted, and a model with them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::jobs::{JobRequest, TuneRequest};
use serde::Deserialize;
use serde_json::{Map, Value};
use tabular::search::{Method, SearchOptions, Space};
use tabular::train::CrossValidation;
use tabular::{Algorithm, Task, TrainOptions};
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use super::Submitted;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What is searched for, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TuneBody {
    /// Id of the data set.
    dataset_id: String,
    /// The column that is to be told.
    #[schema(example = "species")]
    target_column: String,
    /// classification or regression.
    #[schema(value_type = String, example = "classification")]
    task_type: Task,
    /// As in training.
    #[schema(value_type = String, example = "svm")]
    algorithm: Algorithm,
    /// grid_search, random_search or optuna (TPE).
    #[serde(default = "optuna")]
    #[schema(value_type = String, example = "optuna")]
    tuning_method: Method,
    /// Trials, at most.
    #[serde(default = "fifty")]
    #[schema(default = 50, minimum = 1, maximum = 1000)]
    n_trials: usize,
    /// Folds.
    #[serde(default = "five")]
    #[schema(default = 5, minimum = 2, maximum = 50)]
    cv: usize,
    /// Hyperparameters that hold where they are not searched for.
    #[serde(default)]
    #[schema(value_type = Object)]
    hyperparameters: Map<String, Value>,
    /// What is tried; the algorithm's own ranges when left out.
    #[schema(value_type = Option<Object>)]
    space: Option<Space>,
}

fn optuna() -> Method {
    Method::Optuna
}

fn fifty() -> usize {
    50
}

fn five() -> usize {
    CrossValidation::default().cv
}

/// Tune hyperparameters
///
/// Puts a job into the queue. It searches on all rows but the test rows, then trains a model with the best and judges it by those.
#[utoipa::path(
    post,
    path = "/api/ml/models/tune",
    tag = "jobs",
    request_body = TuneBody,
    responses(
        (status = 200, description = "The job waits for a worker", body = Submitted),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as many jobs as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It cannot be done with this data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn tune(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<TuneBody>,
) -> Result<Json<Submitted>, Problem> {
    let key = change.origin.key_within(&actor.organisation)?;
    let TuneBody { dataset_id, target_column, task_type, algorithm, tuning_method, n_trials, cv, .. } = change.body;
    let options = TrainOptions {
        hyperparameters: change.body.hyperparameters,
        ..TrainOptions::new(&target_column, task_type, algorithm)
    };
    let folding = CrossValidation { cv, ..CrossValidation::default() };
    let search = SearchOptions { tuning_method, n_trials, folding, space: change.body.space };
    let request = JobRequest::Tune(TuneRequest { options, search });
    let job = app.platform.submit(&dataset_id, request, key, &actor).await;
    Ok(Submitted::of(job.map_err(problem::of_platform)?))
}
