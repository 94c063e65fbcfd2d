//! `GET /classes`: kinds of containers the detector knows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// What the detector tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Classes {
    /// By id.
    pub(crate) classes: Vec<Class>,
}

/// A kind of container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Class {
    /// `class_id` of detections.
    pub(crate) id: u16,
    /// `class` of detections.
    #[schema(example = "bottle")]
    pub(crate) name: String,
}

/// Kinds of containers
///
/// What the detector tells apart. Also at `/v2/classes`.
#[utoipa::path(
    get,
    path = "/classes",
    tag = "catalogue",
    responses(
        (status = 200, description = "All classes, by id", body = Classes),
        (status = 503, description = "Not ready", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn classes(State(app): State<Arc<App>>) -> Result<Json<Classes>, Problem> {
    let recognizer = app.models.current()?.recognizer();
    let names = recognizer.detector().classes();
    Ok(Json(Classes { classes: (0..).zip(names).map(|(id, name)| Class { id, name: name.clone() }).collect() }))
}
