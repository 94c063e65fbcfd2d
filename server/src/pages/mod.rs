//! What people see in a browser: templates rendered here, scripts and styles from [`assets`]. No front-end build.

mod assets;
mod example;
mod home;
pub(crate) mod problem;
mod review;
mod sign_in;
mod tables;
mod verify;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::problem::Problem;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home::home))
        .route("/example.jpg", get(example::photo))
        .route("/review", get(review::review))
        .route("/review/clusters", get(review::clusters))
        .route("/review/queue", get(review::queue))
        .route("/review/items/{item}", get(review::item))
        .route("/review/skus", get(review::skus))
        .route("/review/stats", get(review::stats))
        .route("/review/verify", get(verify::verify))
        .route("/datasets", get(tables::data_sets))
        .route("/jobs", get(tables::jobs))
        .route("/models", get(tables::models))
        .route("/releases", get(tables::releases))
        .route("/admin", get(tables::admin))
        .route("/signin", get(sign_in::page).post(sign_in::sign_in))
        .route("/signout", post(sign_in::sign_out))
        .route("/insights", get(tables::insights))
        .route("/problems", get(problem::list))
        .route("/problems/{slug}", get(problem::explain))
        .route("/static/{version}/{file}", get(assets::asset))
}

/// What every page shows around its content; `layout.html` reads it as `frame`.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where this build's scripts and styles lie.
    assets: &'static str,
    version: &'static str,
}

impl Frame {
    fn new() -> Self {
        Self { assets: assets::base(), version: env!("CARGO_PKG_VERSION") }
    }
}

/// HTML that is made anew for every request.
fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page cannot be rendered");
            Problem::internal().into_response()
        }
    }
}
