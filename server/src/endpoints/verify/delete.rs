//! `DELETE /v2/photos/{photo}`: a photo goes, and every copy of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{digest, store};
use crate::app::App;
use crate::endpoints::ml::by::By;
use crate::problem::{Problem, ProblemBody};

/// Longest wait for the copies; what is left then is removed afterwards.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a photo.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedPhoto {
    /// SHA-256 of the file.
    photo: String,
    /// Whether every copy is gone already; false: the server goes on removing them.
    erased: bool,
}

/// Delete a photo
///
/// For whoever owns it: its answer and what people said of it at once, then the file and all copies of it, in the review queue and in
/// data sets. What models have learnt from it stays in them.
#[utoipa::path(
    delete,
    path = "/v2/photos/{photo}",
    tag = "photos",
    params(("photo" = String, Path, description = "SHA-256 of the file, as answers say it (image.sha256)")),
    responses(
        (status = 200, description = "It is deleted", body = DeletedPhoto),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such photo is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    By(actor): By,
    Path(photo): Path<String>,
) -> Result<Json<DeletedPhoto>, Problem> {
    let (store, photo) = (store(&app).await?, digest(&photo)?);
    store.delete_photo(photo, &actor).await?;
    let erased = match tokio::time::timeout(PATIENCE, store.erase_photo(&actor.organisation, photo)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "copies of a deleted photo are still to be removed; later");
            false
        }
        Err(_) => false,
    };
    Ok(Json(DeletedPhoto { photo: photo.to_string(), erased }))
}
