//! `GET /api/ml/models/{model_id}/onnx`: a model of tables for ONNX Runtime.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody, ProblemType};

/// A model as an ONNX file
///
/// Features as 32-bit numbers in the order of its metadata `features`; it scales them itself. It was held to the model on rows of its data
/// set when it was written.
#[utoipa::path(
    get,
    path = "/api/ml/models/{model}/onnx",
    tag = "models",
    params(("model" = String, Path, description = "Id of the version")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such model, or it was not written as ONNX", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn onnx(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(model): Path<String>,
) -> Result<Response, Problem> {
    let (version, file) = app.platform.onnx(&identity.organisation, &model).await.map_err(problem::of_platform)?;
    let file = file.ok_or_else(|| {
        Problem::new(
            ProblemType::NotFound,
            format!("{} was not written as ONNX; the log of its job says why", version.label()),
        )
    })?;
    let about = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}-{}.onnx\"", version.name, version.version)),
    ];
    Ok((about, file).into_response())
}
