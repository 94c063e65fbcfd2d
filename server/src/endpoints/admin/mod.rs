//! `/api/admin/...`: keys, organisations, the audit log. An admin sees and changes what is the organisation's; one of the organisation
//! that the server belongs to may name another.

pub(crate) mod audit;
pub(crate) mod keys;
pub(crate) mod organisations;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use store::access::Organisation;
use store::{Store, StoreError};

use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemType};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{key}/revoke", post(keys::revoke))
        .route("/organisations", get(organisations::list).post(organisations::create))
        .route("/audit", get(audit::audit))
}

async fn open(app: &App) -> Result<Store, Problem> {
    let Some(handle) = &app.store else {
        return Err(Problem::new(ProblemType::StoreUnavailable, "this server was started without a store"));
    };
    handle.get().await.map_err(refused)
}

/// Whose keys and rows are meant: the organisation's own, or the one that somebody at home names. That there is another one is
/// nobody else's to know.
async fn meant(store: &Store, identity: &Identity, named: Option<&str>) -> Result<Organisation, Problem> {
    let Some(name) = named else {
        return store.organisation_by_id(&identity.organisation).await.map_err(refused);
    };
    let found = store.organisation(name).await.map_err(refused)?;
    if *found.id == *identity.organisation || identity.is_at_home() {
        return Ok(found);
    }
    Err(Problem::new(
        ProblemType::UnknownKey,
        format_args!("there is no organisation {:?}", crate::upload::shorten(name)),
    ))
}

fn refused(error: StoreError) -> Problem {
    let kind = match &error {
        StoreError::NotFound { .. } => ProblemType::UnknownKey,
        StoreError::NameTaken { .. } => ProblemType::NameTaken,
        StoreError::Unavailable { .. } => {
            tracing::warn!(error = &error as &dyn std::error::Error, "keys or the audit log cannot be reached");
            return Problem::new(ProblemType::StoreUnavailable, format_args!("{error}; try again in a moment"))
                .retry_after(2);
        }
        _ => return Problem::from(error),
    };
    Problem::new(kind, error)
}

/// Milliseconds since 1970 as answers have them: RFC 3339 in UTC.
fn moment(at: store::model::Timestamp) -> String {
    vision::time::timestamp(at.max(0).unsigned_abs() / 1000)
}
