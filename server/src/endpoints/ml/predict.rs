//! `POST /api/ml/models/predict`: what are these rows?

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use platform::models::Compared;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::by::By;
use super::problem;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// Largest body: ten thousand rows of a hundred numbers.
const MAX_BODY: usize = 16 << 20;
/// Longest name of a user, in characters.
const MAX_USER: usize = 200;

/// Who is asked, and what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictBody {
    /// Id of a version that is staged or in production.
    model_id: Option<String>,
    /// Name of a test that runs: one of its two versions is asked. Give this or `model_id`.
    ab_test_name: Option<String>,
    /// One row as an object, or an array of them: a member for each column that the model learned from; `null` is not known.
    #[schema(value_type = Object)]
    features: Features,
    /// Whom it is about, a text or a number: within a test, the same version is asked for the same user. Only a digest of it is looked
    /// at, and nothing of it kept.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = "u-17")]
    user_id: Option<Value>,
}

/// One row or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Features {
    One(Map<String, Value>),
    Many(Vec<Map<String, Value>>),
}

/// What the model says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PredictAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The version that was asked.
    model_id: String,
    /// A class or a number of each row.
    #[schema(value_type = Vec<Object>)]
    prediction: Vec<Value>,
    /// The probability of each class, for each row, in the order of `classes`; empty where numbers are told.
    prediction_proba: Vec<Vec<f64>>,
    /// Names of the classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<Vec<String>>,
    /// Within a test: which side was asked, `a` or `b`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "a")]
    arm: Option<&'static str>,
    /// Within a test: by which `POST /api/ml/models/ab-test/{test}/outcome` is told what turned out.
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction_id: Option<String>,
}

/// Predict
///
/// Asks a model of tables. Members that it did not learn from are left aside; those that are missing or of another type are named.
#[utoipa::path(
    post,
    path = "/api/ml/models/predict",
    tag = "models",
    request_body = PredictBody,
    responses(
        (status = 200, description = "What the model says of each row", body = PredictAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such model", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is not deployed, or archived; or the test has ended", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The rows do not fit the model", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    By(actor): By,
    request: Request,
) -> Result<Json<PredictAnswer>, Problem> {
    let body: PredictBody = Change::receive(request, MAX_BODY).await?.body;
    let rows = match body.features {
        Features::One(row) => vec![row],
        Features::Many(rows) => rows,
    };
    let (platform, organisation) = (&app.platform, &*actor.organisation);
    let (told, side) = match (body.model_id, body.ab_test_name) {
        (Some(model), None) => (platform.predict(organisation, &model, rows).await, None),
        (None, Some(test)) => {
            let user = body.user_id.as_ref().map(user).transpose()?;
            match platform.predict_in_test(organisation, &test, user.as_deref(), rows).await {
                Ok(Compared { predicted, arm, prediction_id }) => (Ok(predicted), Some((arm, prediction_id))),
                Err(error) => (Err(error), None),
            }
        }
        (Some(_), Some(test)) => return Err(Problem::parameter("ab_test_name", &test, "left out beside model_id")),
        (None, None) => {
            return Err(Problem::parameter(
                "model_id",
                "left out",
                "the id of a deployed version, or give ab_test_name",
            ));
        }
    };
    let told = told.map_err(problem::of_platform)?;
    let (arm, prediction_id) = side.map(|(arm, id)| (arm.as_str(), id)).unzip();
    Ok(Json(PredictAnswer {
        status: "success",
        model_id: told.model.id,
        prediction: told.prediction,
        prediction_proba: told.prediction_proba,
        classes: told.classes,
        arm,
        prediction_id,
    }))
}

/// Whom it is about, as a text.
fn user(id: &Value) -> Result<String, Problem> {
    match id {
        Value::String(text) if (1..=MAX_USER).contains(&text.chars().count()) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => {
            let allowed = format!("a number, or a text of 1 to {MAX_USER} characters");
            Err(Problem::parameter("user_id", &other.to_string(), &allowed))
        }
    }
}
