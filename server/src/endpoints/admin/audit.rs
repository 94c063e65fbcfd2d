//! `GET /api/admin/audit`: who changed what.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::audit::AuditEntry;
use utoipa::{IntoParams, ToSchema};

use super::{meant, moment, open, refused};
use crate::access::Identity;
use crate::app::App;
use crate::endpoints::review::request::{Parameters, parse};
use crate::problem::{Problem, ProblemBody};

/// Rows of an answer when nobody says how many.
const USUAL: u32 = 50;
/// Most rows of an answer.
const MOST: u32 = 500;

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Rows before this number; the newest when left out.
    #[param(value_type = Option<i64>)]
    before: Option<String>,
    /// At most so many, 1 to 500.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// Name of another organisation, for admins of the server's own.
    organisation: Option<String>,
}

/// Rows of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditRows {
    /// The newest first.
    rows: Vec<AuditRow>,
    /// Ask with it as `before` for older ones; `null` at the end.
    next: Option<i64>,
}

/// A row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditRow {
    /// Its number within the log of all organisations.
    seq: i64,
    /// RFC 3339 in UTC.
    at: String,
    /// Who.
    actor: String,
    /// As what.
    role: String,
    /// Such as `model.promote`.
    #[schema(example = "model.promote")]
    action: String,
    /// Of what.
    subject: String,
    /// What goes with it.
    #[schema(value_type = Object)]
    details: Value,
    /// Id of the request; empty for changes at the terminal.
    request: String,
}

impl From<AuditEntry> for AuditRow {
    fn from(entry: AuditEntry) -> Self {
        let details = serde_json::from_str(&entry.details).unwrap_or(Value::Null);
        Self {
            seq: entry.seq,
            at: moment(entry.at),
            actor: entry.actor,
            role: entry.role,
            action: entry.action,
            subject: entry.subject,
            details,
            request: entry.request,
        }
    }
}

/// Who changed what
///
/// `shelf audit verify` holds the log to its chain of hashes.
#[utoipa::path(
    get,
    path = "/api/admin/audit",
    tag = "administration",
    params(AuditQuery),
    responses(
        (status = 200, description = "Rows of one organisation", body = AuditRows),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such organisation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn audit(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditRows>, Problem> {
    let before: Option<i64> = parse("before", query.before.as_deref(), "the number of a row")?;
    let limit: Option<u32> = parse("limit", query.limit.as_deref(), "a whole number within 1 and 500")?;
    let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
    let store = open(&app).await?;
    let organisation = meant(&store, &identity, query.organisation.as_deref()).await?;
    let rows = store.audit_of(&organisation.id, before, limit).await.map_err(refused)?;
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.seq);
    Ok(Json(AuditRows { rows: rows.into_iter().map(AuditRow::from).collect(), next }))
}
