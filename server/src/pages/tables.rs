//! `GET /datasets`, `/jobs`, `/models`, `/insights`, `/releases`, `/admin`: tables for people. The pages are frames; scripts fill them
//! from `/api/ml` and `/api/admin`.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::home::megabytes;
use super::{Frame, html};
use crate::app::App;

#[derive(Template)]
#[template(path = "tables.html")]
struct Tables {
    frame: Frame,
    /// Which page, as the navigation names it.
    here: &'static str,
    title: &'static str,
    script: &'static str,
    /// Largest file.
    max_mb: String,
}

fn page(app: &App, here: &'static str, title: &'static str, script: &'static str) -> Response {
    let bytes = usize::try_from(app.config.tables.upload_bytes).unwrap_or(usize::MAX);
    html(&Tables { frame: Frame::new(), here, title, script, max_mb: megabytes(bytes) })
}

pub(super) async fn data_sets(State(app): State<Arc<App>>) -> Response {
    page(&app, "datasets", "Data sets", "tables_data.js")
}

pub(super) async fn jobs(State(app): State<Arc<App>>) -> Response {
    page(&app, "jobs", "Jobs", "tables_jobs.js")
}

pub(super) async fn models(State(app): State<Arc<App>>) -> Response {
    page(&app, "models", "Models", "tables_models.js")
}

pub(super) async fn releases(State(app): State<Arc<App>>) -> Response {
    page(&app, "releases", "Releases", "releases.js")
}

pub(super) async fn admin(State(app): State<Arc<App>>) -> Response {
    page(&app, "admin", "Administration", "admin.js")
}

pub(super) async fn insights(State(app): State<Arc<App>>) -> Response {
    page(&app, "insights", "Insights", "tables_insights.js")
}
