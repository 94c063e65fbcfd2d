//! `POST /api/ml/models/ab-test`: two versions answer beside each other from now on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use store::registry::{AbMode, NewAbTest};
use utoipa::ToSchema;

use super::config::TestAnswer;
use crate::app::App;
use crate::endpoints::ml::by::By;
use crate::endpoints::ml::{open, problem};
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What is compared.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginBody {
    /// Id of the first version.
    model_a_id: String,
    /// Id of the second.
    model_b_id: String,
    /// What the test is called; no other test of the organisation is, or was.
    #[schema(example = "new-embedder")]
    test_name: String,
    /// Fraction that A answers; of a shadow, fraction of answers that B is held against.
    #[serde(default = "half")]
    #[schema(example = 0.5)]
    split_ratio: f64,
    /// `ab`: both answer; `shadow`: B recognises what A has answered once more, when nobody waits.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "ab")]
    mode: Mode,
}

/// What the second version does.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Ab,
    Shadow,
}

const fn half() -> f64 {
    0.5
}

/// Begin an A/B test
///
/// Two models of tables, or two releases of one name of which one is in production. The same `user_id` always gets the same side.
/// Whatever moves one of the two ends the test.
#[utoipa::path(
    post,
    path = "/api/ml/models/ab-test",
    tag = "models",
    request_body = BeginBody,
    responses(
        (status = 200, description = "It runs", body = TestAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The name is taken, a version does not answer, or another test of these releases runs", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The two cannot be compared, or a value may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    By(actor): By,
    change: Change<BeginBody>,
) -> Result<Json<TestAnswer>, Problem> {
    let BeginBody { model_a_id, model_b_id, test_name, split_ratio, mode } = change.body;
    let mode = match mode {
        Mode::Ab => AbMode::Ab,
        Mode::Shadow => AbMode::Shadow,
    };
    let new = NewAbTest { name: test_name, model_a: model_a_id, model_b: model_b_id, split_ratio, mode };
    let test = open(&app).await?.begin_ab_test(new, &actor).await.map_err(problem::of)?;
    app.swaps.production_changed();
    Ok(Json(test.into()))
}
