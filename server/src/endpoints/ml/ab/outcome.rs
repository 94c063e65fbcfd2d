//! `POST /api/ml/models/ab-test/{test}/outcome`: what turned out of a prediction.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::registry::Outcome;
use utoipa::ToSchema;

use crate::access::Identity;
use crate::app::App;
use crate::endpoints::ml::{open, problem};
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What turned out: `actual` or `right`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeBody {
    /// Of the answer of `POST /api/ml/models/predict`.
    prediction_id: String,
    /// The class that it really was; an array of them where several rows were asked about.
    #[schema(value_type = Option<Object>, example = "full")]
    actual: Option<Value>,
    /// How many of the rows were right: 0 or 1 of a single one. For numbers, whoever asks decides what is near enough.
    #[schema(example = 1)]
    right: Option<u64>,
}

/// It was noted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Told {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
}

/// Tell what turned out of a prediction
///
/// Once for each prediction; the same said again changes nothing. It counts after the test has ended, too.
#[utoipa::path(
    post,
    path = "/api/ml/models/ab-test/{test}/outcome",
    tag = "models",
    params(("test" = String, Path, description = "Name of the test")),
    request_body = OutcomeBody,
    responses(
        (status = 200, description = "It counts", body = Told),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such test, or it has no such prediction", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Something else was told before", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It does not fit the prediction", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn outcome(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(test): Path<String>,
    change: Change<OutcomeBody>,
) -> Result<Json<Told>, Problem> {
    let OutcomeBody { prediction_id, actual, right } = change.body;
    let outcome = match (actual, right) {
        (Some(Value::Array(actual)), None) => Outcome::Actual(actual),
        (Some(actual), None) => Outcome::Actual(vec![actual]),
        (None, Some(right)) => Outcome::Right(right),
        (Some(_), Some(_)) => {
            return Err(Problem::parameter("right", "given beside actual", "left out: give one of them"));
        }
        (None, None) => {
            return Err(Problem::parameter("actual", "left out", "what it really was, or how many were `right`"));
        }
    };
    let store = open(&app).await?;
    let test = store.ab_test(&identity.organisation, &test).await.map_err(problem::of)?;
    store.tell_ab_outcome(&test, &prediction_id, outcome).await.map_err(problem::of)?;
    Ok(Json(Told { status: "success" }))
}
