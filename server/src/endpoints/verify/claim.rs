//! `POST /review/verify/claim`: the next photo for a reviewer; `.../release` gives it back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use store::access::DEFAULT_ORGANISATION;
use store::verify::{MAX_HELD, NextPhoto};
use utoipa::ToSchema;

use super::answer::PhotoAnswer;
use super::{digest, store};
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody};

/// What a reviewer asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextBody {
    /// Of which day of UTC.
    #[schema(example = "2026-11-30")]
    day: String,
    /// Who; or in the header `X-Reviewer`.
    #[serde(default)]
    reviewer: Option<String>,
    /// SHA-256 of the photos that the reviewer has at hand, four at most: another one that they hold comes first. Without it, each asking
    /// gets another photo.
    #[serde(default)]
    holding: Option<Vec<String>>,
}

/// Who gives a photo back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReleasePhotoBody {
    /// Who; or in the header `X-Reviewer`.
    reviewer: Option<String>,
}

/// A photo for this reviewer alone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NextAnswer {
    /// Null when the day has none left that this reviewer can bring on, or they hold four already.
    photo: Option<PhotoAnswer>,
}

/// Whether a photo was given back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleasedPhoto {
    /// False when this reviewer did not hold it.
    released: bool,
}

/// Claim a photo
///
/// The next one of a day, which nobody else gets until the lease ends (`photos.claim_seconds`): second looks first.
#[utoipa::path(
    post,
    path = "/review/verify/claim",
    tag = "photos",
    request_body = NextBody,
    responses(
        (status = 200, description = "A photo, or none", body = NextAnswer),
        (status = 404, description = "What is held is no photo's digest", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn claim(State(app): State<Arc<App>>, change: Change<NextBody>) -> Result<Json<NextAnswer>, Problem> {
    let store = store(&app).await?;
    let Change { body, origin } = change;
    let day = body.day.parse().map_err(|_| Problem::parameter("day", &body.day, "a day such as 2026-11-30"))?;
    let reviewer = origin.reviewer(body.reviewer.as_deref());
    let organisation = DEFAULT_ORGANISATION.to_owned();
    let holding = body.holding.map(|photos| {
        if photos.len() > MAX_HELD as usize {
            return Err(Problem::parameter("holding", &photos.len().to_string(), "four photos at most"));
        }
        photos.iter().map(|photo| digest(photo)).collect::<Result<Vec<_>, _>>()
    });
    let next = NextPhoto { organisation, day, reviewer, lease: app.config.photos.claim, holding: holding.transpose()? };
    let Some(photo) = store.next_photo(next).await? else { return Ok(Json(NextAnswer { photo: None })) };
    let said = store.annotations(DEFAULT_ORGANISATION, photo.photo).await?;
    Ok(Json(NextAnswer { photo: Some(PhotoAnswer::of(&photo, said.last())) }))
}

/// Give a photo back
///
/// Others get it at once.
#[utoipa::path(
    post,
    path = "/review/verify/photos/{photo}/release",
    tag = "photos",
    params(("photo" = String, Path, description = "SHA-256 of the file")),
    request_body = ReleasePhotoBody,
    responses(
        (status = 200, description = "Whether it was given back", body = ReleasedPhoto),
        (status = 404, description = "There is no such photo", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    Path(photo): Path<String>,
    change: Change<ReleasePhotoBody>,
) -> Result<Json<ReleasedPhoto>, Problem> {
    let (store, photo) = (store(&app).await?, digest(&photo)?);
    let reviewer = change.origin.reviewer(change.body.reviewer.as_deref());
    Ok(Json(ReleasedPhoto { released: store.release_photo(DEFAULT_ORGANISATION, photo, &reviewer).await? }))
}
