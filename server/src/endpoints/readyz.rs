//! `GET /readyz`: requests may come.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::models::Phase;

/// Whether requests may come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether they may.
    pub(crate) ready: bool,
    /// `loading`, `warming_up`, `ok`, `failed` or `stopping`; `/health` knows `degraded`, too.
    #[schema(example = "ok")]
    pub(crate) status: String,
    /// The same for people.
    #[schema(example = "Ready.")]
    pub(crate) explanation: String,
}

/// May requests come?
///
/// 200 once models are loaded, the gallery fits the embedder, and every worker has run a first inference; 503 before,
/// saying what is still to be done. Send traffic only then.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Loading, failed or stopping", body = Readiness),
    )
)]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let phase = app.models.phase();
    (status(&phase), Json(Readiness::of(&phase)))
}

impl Readiness {
    pub(crate) fn of(phase: &Phase) -> Self {
        Self {
            ready: matches!(phase, Phase::Ready(_)),
            status: phase.as_str().to_owned(),
            explanation: phase.explanation().to_owned(),
        }
    }
}

pub(super) fn status(phase: &Phase) -> StatusCode {
    if matches!(phase, Phase::Ready(_)) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
