//! `/api/ml/models/ab-test`: two versions beside each other.

pub(crate) mod begin;
pub(crate) mod end;
pub(crate) mod list;
pub(crate) mod outcome;
pub(crate) mod show;

mod config;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/models/ab-test", post(begin::begin).get(list::list))
        .route("/models/ab-test/{test}", get(show::show))
        .route("/models/ab-test/{test}/end", post(end::end))
        .route("/models/ab-test/{test}/outcome", post(outcome::outcome))
}
