//! `/api/admin/keys`: made, listed, revoked.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use store::access::{ApiKey, NewKey, Role};
use store::audit::Actor;
use store::model::now;
use utoipa::{IntoParams, ToSchema};

use super::{meant, moment, open, refused};
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::review::request::{Change, Parameters, parse};
use crate::problem::{Problem, ProblemBody};
use crate::request_id::RequestId;

/// Longest life of a key, in hours: ten years.
const MAX_HOURS: u32 = 87_672;

/// Whose keys.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// Name of another organisation, for admins of the server's own.
    organisation: Option<String>,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKeyBody {
    /// What it is known by in logs, and as a reviewer.
    #[schema(example = "ann")]
    name: String,
    /// `viewer`, `reviewer`, `engineer` or `admin`.
    #[schema(example = "reviewer")]
    role: String,
    /// How long it holds; until it is revoked when left out.
    #[schema(minimum = 1, maximum = 87672, example = 2160)]
    expires_in_hours: Option<u32>,
    /// Name of another organisation, for admins of the server's own.
    organisation: Option<String>,
}

/// Which key's organisation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RevokeBody {
    /// Name of another organisation, for admins of the server's own.
    organisation: Option<String>,
}

/// A key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyAnswer {
    /// UUID.
    id: String,
    /// What it is known by.
    name: String,
    /// What it may do.
    #[schema(example = "reviewer")]
    role: &'static str,
    /// Name of its organisation.
    organisation: String,
    /// `live`, `expired` or `revoked`.
    #[schema(example = "live")]
    state: &'static str,
    /// RFC 3339 in UTC.
    created_at: String,
    /// From when on it is refused.
    expires_at: Option<String>,
    /// When it was used last, to a minute.
    used_at: Option<String>,
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeKey {
    /// The key itself: this is the only time that it is shown.
    #[schema(example = "shelf_...")]
    key: String,
    /// What is kept of it.
    #[serde(flatten)]
    about: KeyAnswer,
}

/// Keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Keys {
    /// The newest last; revoked ones, too.
    keys: Vec<KeyAnswer>,
}

impl From<ApiKey> for KeyAnswer {
    fn from(key: ApiKey) -> Self {
        let state = match &key {
            key if key.is_live(now()) => "live",
            key if key.revoked_at.is_some() => "revoked",
            _ => "expired",
        };
        Self {
            state,
            id: key.id,
            name: key.name,
            role: key.role.as_str(),
            organisation: key.organisation_name,
            created_at: moment(key.created_at),
            expires_at: key.expires_at.map(moment),
            used_at: key.used_at.map(moment),
        }
    }
}

/// Keys of an organisation
#[utoipa::path(
    get,
    path = "/api/admin/keys",
    tag = "administration",
    params(KeysQuery),
    responses(
        (status = 200, description = "Without the keys themselves", body = Keys),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such organisation", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Parameters(query): Parameters<KeysQuery>,
) -> Result<Json<Keys>, Problem> {
    let store = open(&app).await?;
    let organisation = meant(&store, &identity, query.organisation.as_deref()).await?;
    let keys = store.keys(Some(&organisation.id)).await.map_err(refused)?;
    Ok(Json(Keys { keys: keys.into_iter().map(KeyAnswer::from).collect() }))
}

/// Make a key
///
/// The answer shows it this once.
#[utoipa::path(
    post,
    path = "/api/admin/keys",
    tag = "administration",
    request_body = NewKeyBody,
    responses(
        (status = 200, description = "The key", body = MadeKey),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such organisation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Another key has this name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    (Extension(identity), Extension(id)): (Extension<Identity>, Extension<RequestId>),
    change: Change<NewKeyBody>,
) -> Result<Json<MadeKey>, Problem> {
    let NewKeyBody { name, role, expires_in_hours, organisation } = change.body;
    let role: Option<Role> = parse("role", Some(role.as_str()), "viewer, reviewer, engineer or admin")?;
    if let Some(hours) = expires_in_hours.filter(|hours| !(1..=MAX_HOURS).contains(hours)) {
        let allowed = format!("a whole number within 1 and {MAX_HOURS}");
        return Err(Problem::parameter("expires_in_hours", &hours.to_string(), &allowed));
    }
    let store = open(&app).await?;
    let organisation = meant(&store, &identity, organisation.as_deref()).await?;
    let new = NewKey {
        organisation: organisation.id.clone(),
        name,
        role: role.unwrap_or(Role::Viewer),
        expires_at: expires_in_hours.map(|hours| now().saturating_add(i64::from(hours) * 3_600_000)),
    };
    let actor = Actor { organisation: organisation.id, ..identity.actor(&id) };
    let (token, key) = store.create_key(new, &actor).await.map_err(refused)?;
    Ok(Json(MadeKey { key: token.expose().to_owned(), about: key.into() }))
}

/// Revoke a key
///
/// Every server of the store refuses it within two seconds, and ends the sessions that stand for it.
#[utoipa::path(
    post,
    path = "/api/admin/keys/{key}/revoke",
    tag = "administration",
    params(("key" = String, Path, description = "Name or id")),
    request_body = RevokeBody,
    responses(
        (status = 200, description = "It is revoked", body = KeyAnswer),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such key", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    (Extension(identity), Extension(id)): (Extension<Identity>, Extension<RequestId>),
    Path(key): Path<String>,
    change: Change<RevokeBody>,
) -> Result<Json<KeyAnswer>, Problem> {
    let store = open(&app).await?;
    let organisation = meant(&store, &identity, change.body.organisation.as_deref()).await?;
    let actor = Actor { organisation: organisation.id.clone(), ..identity.actor(&id) };
    let key = store.revoke_key(&organisation.id, &key, &actor).await.map_err(refused)?;
    Ok(Json(key.into()))
}
