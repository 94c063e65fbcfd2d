//! `POST /review/verify/photos/{photo}/boxes`, `.../accept`: what somebody says of a photo.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use store::access::DEFAULT_ORGANISATION;
use store::model::now;
use store::verify::{Boxes, Save};
use utoipa::ToSchema;

use super::answer::{PhotoAnswer, VerifyBox};
use super::{digest, store};
use crate::app::App;
use crate::endpoints::review::request::{Change, Origin};
use crate::problem::{Problem, ProblemBody};

/// All boxes of a photo.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxesBody {
    /// The version that was shown.
    version: i64,
    /// All boxes there are, at most 2000.
    boxes: Vec<VerifyBox>,
    /// Who; or in the header `X-Reviewer`.
    #[serde(default)]
    reviewer: Option<String>,
}

/// That a photo's boxes are right as they were shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptBody {
    /// The version that was shown.
    version: i64,
    /// Who; or in the header `X-Reviewer`.
    #[serde(default)]
    reviewer: Option<String>,
}

/// A photo as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Saved {
    photo: PhotoAnswer,
}

/// Save the boxes of a photo
///
/// All there are, as the version after the one that was shown. The photo is verified when as many people as configured
/// (`photos.looks`) have left the same boxes; until then it waits for another look.
#[utoipa::path(
    post,
    path = "/review/verify/photos/{photo}/boxes",
    tag = "photos",
    params(
        ("photo" = String, Path, description = "SHA-256 of the file"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it saves nothing more"),
    ),
    request_body = BoxesBody,
    responses(
        (status = 200, description = "The photo as it is now", body = Saved),
        (status = 404, description = "No such photo is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has it at hand, or has changed it since it was shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A box that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn boxes(
    State(app): State<Arc<App>>,
    Path(photo): Path<String>,
    change: Change<BoxesBody>,
) -> Result<Json<Saved>, Problem> {
    let Change { body, origin } = change;
    let boxes = Boxes::Are(body.boxes.into_iter().map(VerifyBox::into).collect());
    save(&app, &photo, (body.version, boxes), (origin, body.reviewer)).await
}

/// Accept all boxes of a photo
///
/// They are right as they were shown, and there are no others.
#[utoipa::path(
    post,
    path = "/review/verify/photos/{photo}/accept",
    tag = "photos",
    params(
        ("photo" = String, Path, description = "SHA-256 of the file"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it saves nothing more"),
    ),
    request_body = AcceptBody,
    responses(
        (status = 200, description = "The photo as it is now", body = Saved),
        (status = 404, description = "No such photo is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has it at hand, or has changed it since it was shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn accept(
    State(app): State<Arc<App>>,
    Path(photo): Path<String>,
    change: Change<AcceptBody>,
) -> Result<Json<Saved>, Problem> {
    let Change { body, origin } = change;
    save(&app, &photo, (body.version, Boxes::AsShown), (origin, body.reviewer)).await
}

async fn save(
    app: &App,
    photo: &str,
    (version, boxes): (i64, Boxes),
    (origin, named): (Origin, Option<String>),
) -> Result<Json<Saved>, Problem> {
    let (store, photo) = (store(app).await?, digest(photo)?);
    let reviewer = origin.reviewer(named.as_deref());
    let key = origin.key(&reviewer)?;
    let organisation = DEFAULT_ORGANISATION.to_owned();
    let looks = app.config.photos.looks;
    let save = Save { organisation, photo, version, boxes, reviewer, at: now(), looks, key };
    let (photo, annotation) = store.save_boxes(save).await?;
    Ok(Json(Saved { photo: PhotoAnswer::of(&photo, Some(&annotation)) }))
}
