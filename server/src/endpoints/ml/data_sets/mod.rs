//! `/api/ml/datasets`: tables come in, are looked at, and go out to trainers that live apart.

pub(crate) mod counts;
pub(crate) mod download;
pub(crate) mod list;
pub(crate) mod models;
pub(crate) mod schema;
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
        .route("/datasets/counts", post(counts::counts))
        .route("/datasets/{dataset}", get(show::show))
        .merge(factory_routes())
}

/// What a trainer calls that knows nothing but these: also mounted at the root.
pub(crate) fn factory_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/datasets/{dataset}/download", get(download::download))
        .route("/datasets/{dataset}/schema", get(schema::schema))
        .route("/datasets/{dataset}/models", post(models::models).layer(DefaultBodyLimit::disable()))
}
