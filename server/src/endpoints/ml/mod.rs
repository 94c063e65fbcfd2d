//! `/api/ml/...`: tables, what is learned of them, and models that are deployed. Everything is the organisation's that the key speaks for.

pub(crate) mod ab;
pub(crate) mod data;
pub(crate) mod data_sets;
pub(crate) mod deploy;
pub(crate) mod deployed;
pub(crate) mod gates;
pub(crate) mod history;
pub(crate) mod insights;
pub(crate) mod jobs;
pub(crate) mod learn;
pub(crate) mod onnx;
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
use store::model::Timestamp;

use crate::app::App;
use crate::problem::{Problem, ProblemType};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(data_sets::routes())
        .merge(data::routes())
        .merge(learn::routes())
        .merge(jobs::routes())
        .merge(ab::routes())
        .route("/insights", get(insights::insights))
        .route("/insights/forecast", post(insights::ask))
        .route("/models/predict", post(predict::predict))
        .route("/models/deploy", post(deploy::deploy))
        .route("/models/deployed", get(deployed::deployed))
        .route("/models/history", get(history::history))
        .route("/models/{model}/gates", get(gates::gates))
        .route("/models/{model}/onnx", get(onnx::onnx))
        .route("/models/{model}/promote", post(promote::promote))
        .route("/models/{model}/rollback", post(rollback::rollback))
}

/// Milliseconds since 1970 as answers have them: RFC 3339 in UTC.
fn moment(at: Timestamp) -> String {
    vision::time::timestamp(at.max(0).unsigned_abs() / 1000)
}

/// The registry's store, opened now when it was not yet.
async fn open(app: &App) -> Result<Store, Problem> {
    let Some(handle) = &app.store else {
        return Err(Problem::new(ProblemType::StoreUnavailable, "this server was started without a store"));
    };
    handle.get().await.map_err(problem::of)
}
