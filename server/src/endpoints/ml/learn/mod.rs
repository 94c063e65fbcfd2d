//! `POST /api/ml/models/train|tune|compare`: jobs are wanted.

pub(crate) mod compare;
pub(crate) mod train;
pub(crate) mod tune;

mod body;

use std::sync::Arc;

use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use store::jobs::Job;
use utoipa::ToSchema;

use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/models/train", post(train::train))
        .route("/models/tune", post(tune::tune))
        .route("/models/compare", post(compare::compare))
}

/// A job that was taken in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Submitted {
    /// Always `success`: it is in the queue.
    #[schema(example = "success")]
    status: &'static str,
    /// Its id: GET /api/ml/models/train/{job_id} says what becomes of it.
    job_id: String,
    /// The same for people.
    #[schema(example = "train waits for a worker")]
    message: String,
}

impl Submitted {
    pub(super) fn of(job: Job) -> Json<Self> {
        Json(Self { status: "success", message: format!("{} waits for a worker", job.kind), job_id: job.id })
    }
}
