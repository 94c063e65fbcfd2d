//! `POST /api/ml/models/ab-test/{test}/end`: what is in production answers alone again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::config::TestAnswer;
use crate::app::App;
use crate::endpoints::ml::by::By;
use crate::endpoints::ml::{open, problem};
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EndBody {}

/// End an A/B test
///
/// What was counted stays to be read. To put the better one into production, promote it: that ends the test, too.
#[utoipa::path(
    post,
    path = "/api/ml/models/ab-test/{test}/end",
    tag = "models",
    params(("test" = String, Path, description = "Name of the test")),
    request_body = EndBody,
    responses(
        (status = 200, description = "It has ended", body = TestAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such test", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    By(actor): By,
    Path(test): Path<String>,
    _: Change<EndBody>,
) -> Result<Json<TestAnswer>, Problem> {
    let test = open(&app).await?.end_ab_test(&test, &actor).await.map_err(problem::of)?;
    app.swaps.production_changed();
    Ok(Json(test.into()))
}
