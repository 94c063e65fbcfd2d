//! `/api/ml/...`: tables, what is learned of them, and models that are deployed. Everything is the organisation's that the key speaks for.

pub(crate) mod data;
pub(crate) mod data_sets;
pub(crate) mod deploy;
pub(crate) mod deployed;
pub(crate) mod jobs;
pub(crate) mod learn;
pub(crate) mod predict;
pub(crate) mod promote;
pub(crate) mod rollback;

mod answer;
pub(crate) mod by;
mod problem;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use store::Store;

use crate::app::App;
use crate::problem::{Problem, ProblemType};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(data_sets::routes())
        .merge(data::routes())
        .merge(learn::routes())
        .merge(jobs::routes())
        .route("/models/predict", post(predict::predict))
        .route("/models/deploy", post(deploy::deploy))
        .route("/models/deployed", get(deployed::deployed))
        .route("/models/{model}/promote", post(promote::promote))
        .route("/models/{model}/rollback", post(rollback::rollback))
}

/// The registry's store, opened now when it was not yet.
async fn open(app: &App) -> Result<Store, Problem> {
    let Some(handle) = &app.store else {
        return Err(Problem::new(ProblemType::StoreUnavailable, "this server was started without a store"));
    };
    handle.get().await.map_err(problem::of)
}
