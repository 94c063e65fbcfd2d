//! `/api/ml/data/...`: data sets are made of others.

pub(crate) mod clean;
pub(crate) mod select;
pub(crate) mod split;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/data/clean", post(clean::clean))
        .route("/data/select-features", post(select::select_features))
        .route("/data/split", post(split::split))
}
