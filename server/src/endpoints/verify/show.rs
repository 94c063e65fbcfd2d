//! `GET /review/verify/photos/{photo}`: a photo and what was said of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use store::access::DEFAULT_ORGANISATION;
use utoipa::ToSchema;

use super::answer::{AnnotationAnswer, PhotoAnswer};
use super::{digest, store};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// A photo with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhotoHistory {
    photo: PhotoAnswer,
    /// Oldest first.
    annotations: Vec<AnnotationAnswer>,
}

/// One photo
///
/// With its boxes, and who said what of it.
#[utoipa::path(
    get,
    path = "/review/verify/photos/{photo}",
    tag = "photos",
    params(("photo" = String, Path, description = "SHA-256 of the file")),
    responses(
        (status = 200, description = "The photo", body = PhotoHistory),
        (status = 404, description = "No such photo is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(photo): Path<String>,
) -> Result<Json<PhotoHistory>, Problem> {
    let (store, name) = (store(&app).await?, digest(&photo)?);
    let photo = store.photo(DEFAULT_ORGANISATION, name).await?;
    let said = store.annotations(DEFAULT_ORGANISATION, name).await?;
    let annotations = said.iter().map(AnnotationAnswer::from).collect();
    Ok(Json(PhotoHistory { photo: PhotoAnswer::of(&photo, said.last()), annotations }))
}
