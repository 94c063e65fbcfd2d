//! `GET /api/ml/models/deployed`: versions, the newest first.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use store::registry::{ModelFilter, ModelStatus, ModelVersion};
use utoipa::{IntoParams, ToSchema};

use super::{open, problem};
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::review::request::{Parameters, parse};
use crate::problem::{Problem, ProblemBody};

/// Which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeployedQuery {
    /// Of this name.
    name: Option<String>,
    /// `training`, `staged`, `production` or `archived`.
    status: Option<String>,
}

/// Versions of models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deployed {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The newest first, at most a thousand.
    models: Vec<DeployedModel>,
}

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeployedModel {
    /// UUID.
    model_id: String,
    /// Of which it is a version.
    #[schema(example = "shelf")]
    name: String,
    /// One of a kind under the name.
    #[schema(example = "1.2")]
    version: String,
    /// `release`, `tabular` or `mlp`.
    #[schema(example = "release")]
    kind: &'static str,
    /// How it works.
    #[schema(example = "yolov8n + efficientnet_lite0")]
    algorithm: String,
    /// `training`, `staged`, `production` or `archived`.
    #[schema(example = "production")]
    status: &'static str,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    created_at: String,
    /// Metrics by name.
    metrics: BTreeMap<String, f64>,
}

impl From<ModelVersion> for DeployedModel {
    fn from(model: ModelVersion) -> Self {
        Self {
            model_id: model.id,
            name: model.name,
            version: model.version,
            kind: model.kind.as_str(),
            algorithm: model.algorithm,
            status: model.status.as_str(),
            created_at: vision::time::timestamp(model.created_at.max(0).unsigned_abs() / 1000),
            metrics: model.metrics,
        }
    }
}

/// Models that were deployed
#[utoipa::path(
    get,
    path = "/api/ml/models/deployed",
    tag = "models",
    params(DeployedQuery),
    responses(
        (status = 200, description = "Versions, the newest first", body = Deployed),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn deployed(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Parameters(query): Parameters<DeployedQuery>,
) -> Result<Json<Deployed>, Problem> {
    let allowed = "training, staged, production or archived";
    let status: Option<ModelStatus> = parse("status", query.status.as_deref(), allowed)?;
    let filter = ModelFilter { name: query.name, status, kind: None };
    let models = open(&app).await?.models(&identity.organisation, &filter).await.map_err(problem::of)?;
    Ok(Json(Deployed { status: "success", models: models.into_iter().map(DeployedModel::from).collect() }))
}
