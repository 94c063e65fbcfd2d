//! `GET /review/verify/photos/{photo}/image`: the file as it was sent.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use review::media_type;
use store::StoreError;
use store::access::DEFAULT_ORGANISATION;

use super::{digest, store};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// The file of a photo
///
/// As it was sent. It may be deleted, so it is not to be kept for long.
#[utoipa::path(
    get,
    path = "/review/verify/photos/{photo}/image",
    tag = "photos",
    params(("photo" = String, Path, description = "SHA-256 of the file")),
    responses(
        (status = 200, description = "The file", content_type = "image/jpeg"),
        (status = 404, description = "No such photo is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn image(State(app): State<Arc<App>>, Path(photo): Path<String>) -> Result<Response, Problem> {
    let (store, name) = (store(&app).await?, digest(&photo)?);
    let photo = store.photo(DEFAULT_ORGANISATION, name).await?;
    let gone = || StoreError::NotFound { what: "photo", id: name.to_string() };
    let file = store.photo_files()?.get(&photo.object, photo.bytes).await?.ok_or_else(gone)?;
    let kind = HeaderValue::from_static(media_type(&file));
    let keep = HeaderValue::from_static("private, max-age=600");
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], file).into_response())
}
