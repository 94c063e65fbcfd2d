//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::cors::cors;
use crate::endpoints::{classes, health, livez, metrics, readyz, recognize, review, skus};
use crate::observe::observe;
use crate::problem::Problem;
use crate::{docs, pages};

pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut routes = Router::new()
        .nest("/v2", version_two())
        .nest("/api/v1/ai/v2", version_two())
        .route("/classes", get(classes::classes))
        .route("/skus", get(skus::skus))
        .route("/health", get(health::health))
        .route("/livez", get(livez::livez))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(metrics::metrics))
        .merge(pages::routes());
    if app.config.docs {
        routes = routes.merge(docs::routes());
    }
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(app), observe))
        .layer(from_fn_with_state(Arc::clone(app), cors))
        .with_state(Arc::clone(app))
}

/// What is mounted under both prefixes.
fn version_two() -> Router<Arc<App>> {
    Router::new()
        .route("/recognize", post(recognize::recognize))
        .route("/classes", get(classes::classes))
        .route("/skus", get(skus::skus))
        .merge(review::routes())
}

/// A handler panicked: the panic hook has logged it, the client gets a problem, the connection stays.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::internal().into_response()
}
