//! `/api/ml/datasets`: tables come in and are looked at.

pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod upload;

mod form;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/datasets", get(list::list))
        // A limit of its own holds while the file arrives.
        .route("/datasets/upload", post(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/datasets/{dataset}", get(show::show))
}
