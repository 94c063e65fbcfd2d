//! `GET /api/account`: who asks.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Identity;
use crate::app::App;
use crate::problem::ProblemBody;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Name of the key: labels are made, and changes logged, under it. `null` for who needs none.
    #[schema(example = "ann")]
    name: Option<String>,
    /// `viewer`, `reviewer`, `engineer` or `admin`.
    #[schema(example = "reviewer")]
    role: &'static str,
    /// Id of the organisation.
    organisation: String,
    /// Whether it is the organisation whose gallery and queue the server has.
    home: bool,
    /// Whether the server has keys to sign in with.
    keys: bool,
}

/// Who asks
#[utoipa::path(
    get,
    path = "/api/account",
    tag = "operation",
    responses(
        (status = 200, description = "As which key, and what it may do", body = Account),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn account(State(app): State<Arc<App>>, Extension(identity): Extension<Identity>) -> Json<Account> {
    Json(Account {
        name: identity.account().map(str::to_owned),
        role: identity.role.as_str(),
        organisation: identity.organisation.to_string(),
        home: identity.is_at_home(),
        keys: app.access.has_keys(),
    })
}
