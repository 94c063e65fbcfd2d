//! `GET /skus`: what is enrolled in the gallery.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::answer::SkuAnswer;

/// The gallery's catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Skus {
    /// By id.
    pub(crate) skus: Vec<SkuAnswer>,
    /// Enrolled exemplars of all SKUs together.
    pub(crate) exemplars: usize,
}

/// Enrolled SKUs
///
/// What facings are identified as. Also at `/v2/skus`.
#[utoipa::path(
    get,
    path = "/skus",
    tag = "catalogue",
    responses(
        (status = 200, description = "All SKUs, by id", body = Skus),
        (status = 503, description = "Not ready", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn skus(State(app): State<Arc<App>>) -> Result<Json<Skus>, Problem> {
    let recognizer = app.models.current()?.recognizer();
    let gallery = recognizer.gallery();
    let skus = gallery.skus().iter().map(|sku| SkuAnswer::from(&**sku)).collect();
    Ok(Json(Skus { skus, exemplars: gallery.len() }))
}
