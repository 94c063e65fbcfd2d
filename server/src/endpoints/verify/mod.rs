//! Photos that are kept, over HTTP: deleted by their owner, and gone through by people (`/review/verify/...`).

pub(crate) mod answer;
pub(crate) mod claim;
pub(crate) mod days;
pub(crate) mod delete;
pub(crate) mod image;
pub(crate) mod save;
pub(crate) mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use store::{Store, StoreError};
use vision::Sha256;

use crate::app::App;
use crate::problem::{Problem, ProblemType};

/// What is mounted under both prefixes.
pub(crate) fn photo_routes() -> Router<Arc<App>> {
    Router::new().route("/photos/{photo}", delete(delete::delete))
}

/// What people verify by.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/review/verify/days", get(days::days))
        .route("/review/verify/claim", post(claim::claim))
        .route("/review/verify/photos/{photo}", get(show::show))
        .route("/review/verify/photos/{photo}/image", get(image::image))
        .route("/review/verify/photos/{photo}/boxes", post(save::boxes))
        .route("/review/verify/photos/{photo}/accept", post(save::accept))
        .route("/review/verify/photos/{photo}/release", post(claim::release))
}

/// The store that photos are kept in.
async fn store(app: &App) -> Result<Store, Problem> {
    let none =
        || Problem::new(ProblemType::StoreUnavailable, "this server was started without a store: no photo is kept");
    Ok(app.store.as_ref().ok_or_else(none)?.get().await?)
}

/// The digest that a path names.
fn digest(text: &str) -> Result<Sha256, Problem> {
    let unknown = |_| StoreError::NotFound { what: "photo", id: crate::upload::shorten(text) };
    Ok(text.parse().map_err(unknown)?)
}
