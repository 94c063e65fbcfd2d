//! `/api/ml/jobs`: what is in the queue, what becomes of it, and its end.

pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod plots;
pub(crate) mod show;

mod answer;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/models/train/{job}", get(show::training))
        .route("/jobs", get(list::list))
        .route("/jobs/{job}", get(show::show))
        .route("/jobs/{job}/plots", get(plots::list))
        .route("/jobs/{job}/plots/{plot}", get(plots::show))
        .route("/jobs/{job}/report", get(plots::report))
        .route("/jobs/{job}/events", get(events::events))
        .route("/jobs/{job}/cancel", post(cancel::cancel))
}
