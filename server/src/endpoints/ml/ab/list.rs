//! `GET /api/ml/models/ab-test`: tests, the newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::config::TestConfig;
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::ml::{open, problem};
use crate::problem::{Problem, ProblemBody};

/// Tests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tests {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The newest first, at most a thousand.
    tests: Vec<TestConfig>,
}

/// A/B tests
#[utoipa::path(
    get,
    path = "/api/ml/models/ab-test",
    tag = "models",
    responses(
        (status = 200, description = "Tests that run, and those that have ended", body = Tests),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Tests>, Problem> {
    let tests = open(&app).await?.ab_tests(&identity.organisation).await.map_err(problem::of)?;
    Ok(Json(Tests { status: "success", tests: tests.into_iter().map(TestConfig::from).collect() }))
}
