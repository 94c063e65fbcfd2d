//! The review queue over HTTP: `/v2/active-learning...`. Every change takes JSON, a reviewer and perhaps an
//! `Idempotency-Key`.

pub(crate) mod catalogue;
pub(crate) mod claim;
pub(crate) mod clusters;
pub(crate) mod comment;
pub(crate) mod item;
pub(crate) mod label;
pub(crate) mod queue;
pub(crate) mod stats;
pub(crate) mod stored_image;
pub(crate) mod undo;

pub(crate) mod request;

mod correction;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// What is mounted under both prefixes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/active-learning-queue", get(queue::queue))
        .route("/active-learning-queue/{item}", get(item::item))
        .route("/active-learning/claim", post(claim::claim))
        .route("/active-learning/release", post(claim::release))
        .route("/active-learning/label", post(label::label))
        .route("/active-learning/label/bulk", post(label::bulk))
        .route("/active-learning/undo", post(undo::undo))
        .route("/active-learning/comment", post(comment::comment))
        .route("/active-learning/clusters", get(clusters::clusters))
        .route("/active-learning/skus", get(catalogue::skus))
        .route("/active-learning/stats", get(stats::stats))
        .route("/active-learning/picture/{digest}", get(stored_image::stored_image))
}
