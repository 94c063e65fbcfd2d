//! `GET /api/ml/models/{model_id}/gates`: how a version did, and whether it may go into production.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use store::registry::Evidence;
use utoipa::ToSchema;

use super::{open, problem};
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// How a version did at the gates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gates {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// Of the version.
    model_id: String,
    /// By its last evaluation of each.
    gates: Vec<GateAnswer>,
    /// Why it may not go into production; empty when it may.
    missing: Vec<String>,
}

/// A gate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GateAnswer {
    /// Name of the metric.
    #[schema(example = "recall")]
    metric: String,
    /// `null` when it could not be measured.
    value: Option<f64>,
    /// What it has to be.
    #[schema(example = ">= 0.98")]
    bound: String,
    /// Whether it is.
    passed: bool,
    /// Name of the data it was measured on.
    data_set: String,
    /// Digest of it.
    data_sha256: String,
    /// Made by a program: it says nothing of real shelves.
    synthetic: bool,
}

impl From<Evidence> for GateAnswer {
    fn from(evidence: Evidence) -> Self {
        Self {
            metric: evidence.metric,
            value: evidence.value,
            bound: evidence.bound,
            passed: evidence.passed,
            data_set: evidence.data_set.name,
            data_sha256: evidence.data_set.sha256,
            synthetic: evidence.synthetic,
        }
    }
}

/// How a version did at the gates
#[utoipa::path(
    get,
    path = "/api/ml/models/{model}/gates",
    tag = "models",
    params(("model" = String, Path, description = "Id of the version")),
    responses(
        (status = 200, description = "Metrics, and what is missing", body = Gates),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn gates(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(model): Path<String>,
) -> Result<Json<Gates>, Problem> {
    let store = open(&app).await?;
    let model = store.model(&identity.organisation, &model).await.map_err(problem::of)?;
    let missing = store.missing_evidence(&model).await.map_err(problem::of)?;
    let gates = store.evidence(&model.id).await.map_err(problem::of)?;
    let gates = gates.into_iter().map(GateAnswer::from).collect();
    Ok(Json(Gates { status: "success", model_id: model.id, gates, missing }))
}
