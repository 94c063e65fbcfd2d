//! `GET /api/ml/models/history`: what has been in production, and who changed it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use store::registry::ModelFilter;
use utoipa::ToSchema;

use super::{moment, open, problem};
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// Changes of production.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The newest first, at most a thousand.
    deployments: Vec<DeploymentAnswer>,
}

/// A change of production.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeploymentAnswer {
    /// Its number.
    seq: i64,
    /// Of the model.
    #[schema(example = "shelf")]
    name: String,
    /// What went into production; `null` when a version was taken out with nothing in its place.
    model_id: Option<String>,
    /// Its version.
    #[schema(example = "1.2")]
    version: Option<String>,
    /// `promote`, `rollback` or `demote`.
    #[schema(example = "promote")]
    action: String,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    at: String,
    /// By whom.
    by: String,
    /// Whether a rollback of the name has somewhere to go to, from here.
    can_roll_back: bool,
}

/// What has been in production
#[utoipa::path(
    get,
    path = "/api/ml/models/history",
    tag = "models",
    responses(
        (status = 200, description = "The newest first", body = History),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<History>, Problem> {
    let store = open(&app).await?;
    let models = store.models(&identity.organisation, &ModelFilter::default()).await.map_err(problem::of)?;
    let versions: HashMap<String, String> = models.into_iter().map(|model| (model.id, model.version)).collect();
    let found = store.all_deployments(&identity.organisation).await.map_err(problem::of)?;
    let deployments = found.into_iter().map(|deployment| DeploymentAnswer {
        seq: deployment.seq,
        name: deployment.name,
        version: deployment.model.as_ref().and_then(|id| versions.get(id).cloned()),
        model_id: deployment.model,
        action: deployment.action,
        at: moment(deployment.at),
        by: deployment.by,
        can_roll_back: deployment.beneath.is_some(),
    });
    Ok(Json(History { status: "success", deployments: deployments.collect() }))
}
