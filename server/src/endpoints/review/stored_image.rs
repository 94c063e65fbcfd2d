//! `GET /v2/active-learning/picture/{digest}`: a crop or a photo, by its content.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use review::media_type;
use store::StoreError;

use crate::app::App;
use crate::problem::{Problem, ProblemBody, ProblemType};

/// An image of the queue
///
/// Named by the SHA-256 of its bytes, so it never changes.
#[utoipa::path(
    get,
    path = "/v2/active-learning/picture/{digest}",
    operation_id = "picture",
    tag = "review",
    params(("digest" = String, Path, description = "64 hexadecimal digits")),
    responses(
        (status = 200, description = "The file as it was sent", content_type = "image/jpeg"),
        (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The images cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stored_image(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, store) = app.review.open()?;
    let unknown = || Problem::new(ProblemType::UnknownItem, "there is no such image");
    let digest = name.parse().map_err(|_| unknown())?;
    let bytes = match store.objects().get(digest).await {
        Err(StoreError::NotFound { .. }) => return Err(unknown()),
        other => other?,
    };
    let kind = HeaderValue::from_static(media_type(&bytes));
    let keep = HeaderValue::from_static("private, max-age=31536000, immutable");
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], bytes).into_response())
}
