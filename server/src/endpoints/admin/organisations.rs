//! `/api/admin/organisations`: made and listed.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use store::access::Organisation;
use utoipa::ToSchema;

use super::{meant, moment, open, refused};
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::review::request::Change;
use crate::problem::{Problem, ProblemBody, ProblemType};
use crate::request_id::RequestId;

/// An organisation to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrganisationBody {
    /// Letters, digits, dots, underscores and hyphens.
    #[schema(example = "brand")]
    name: String,
}

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganisationAnswer {
    /// UUID.
    id: String,
    /// Unique.
    #[schema(example = "brand")]
    name: String,
    /// RFC 3339 in UTC.
    created_at: String,
}

/// Organisations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Organisations {
    /// By name: all of them for an admin of the server's own, else one's own alone.
    organisations: Vec<OrganisationAnswer>,
}

impl From<Organisation> for OrganisationAnswer {
    fn from(organisation: Organisation) -> Self {
        Self { id: organisation.id, name: organisation.name, created_at: moment(organisation.created_at) }
    }
}

/// Organisations
#[utoipa::path(
    get,
    path = "/api/admin/organisations",
    tag = "administration",
    responses(
        (status = 200, description = "By name", body = Organisations),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Organisations>, Problem> {
    let store = open(&app).await?;
    let organisations = if identity.is_at_home() {
        store.organisations().await.map_err(refused)?
    } else {
        vec![meant(&store, &identity, None).await?]
    };
    Ok(Json(Organisations { organisations: organisations.into_iter().map(OrganisationAnswer::from).collect() }))
}

/// Make an organisation
#[utoipa::path(
    post,
    path = "/api/admin/organisations",
    tag = "administration",
    request_body = NewOrganisationBody,
    responses(
        (status = 200, description = "It has keys, tables and models of its own", body = OrganisationAnswer),
        (status = 403, description = "Only admins of the organisation that the server belongs to make others", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The name is taken", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It is no name", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    (Extension(identity), Extension(id)): (Extension<Identity>, Extension<RequestId>),
    change: Change<NewOrganisationBody>,
) -> Result<Json<OrganisationAnswer>, Problem> {
    if !identity.is_at_home() {
        let detail = "only admins of the organisation that the server belongs to make others";
        return Err(Problem::new(ProblemType::Forbidden, detail));
    }
    let store = open(&app).await?;
    let made = store.create_organisation(&change.body.name, &identity.actor(&id)).await.map_err(refused)?;
    Ok(Json(made.into()))
}
