//! What has been in production, in order.

use serde_json::json;

use super::ModelVersion;
use crate::error::StoreError;
use crate::model::{Timestamp, now};
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// Most deployments of an answer.
const MAX_LISTED: u32 = 1_000;

/// A change of what is in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Number, ascending over the whole database.
    pub seq: i64,
    /// Of which name.
    pub name: String,
    /// Id of the version that went into production; `None` when one was taken out with nothing in its place.
    pub model: Option<String>,
    /// Number of the deployment that a rollback goes to.
    pub beneath: Option<i64>,
    /// `promote`, `rollback`, `demote`.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl Store {
    /// Deployments of a name, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn deployments(&self, organisation: &str, name: &str) -> Result<Vec<Deployment>, StoreError> {
        let sql = format!("{SELECT} WHERE organisation = $1 AND name = $2 ORDER BY seq DESC LIMIT {MAX_LISTED}");
        self.database.all(&sql, values![organisation, name]).await?.iter().map(read).collect()
    }

    /// Deployments of all names, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn all_deployments(&self, organisation: &str) -> Result<Vec<Deployment>, StoreError> {
        let sql = format!("{SELECT} WHERE organisation = $1 ORDER BY seq DESC LIMIT {MAX_LISTED}");
        self.database.all(&sql, values![organisation]).await?.iter().map(read).collect()
    }
}

const SELECT: &str = "SELECT seq, name, model, beneath, action, at, by_whom FROM deployments";

fn read(row: &Row) -> Result<Deployment, StoreError> {
    Ok(Deployment {
        seq: row.int("seq")?,
        name: row.text("name")?,
        model: row.get("model")?,
        beneath: row.get("beneath")?,
        action: row.text("action")?,
        at: row.int("at")?,
        by: row.text("by_whom")?,
    })
}

/// The last deployment of a name.
pub(super) async fn current(tx: &mut Tx, organisation: &str, name: &str) -> Result<Option<Deployment>, StoreError> {
    let sql = format!("{SELECT} WHERE organisation = $1 AND name = $2 ORDER BY seq DESC LIMIT 1");
    tx.optional(&sql, values![organisation, name]).await?.as_ref().map(read).transpose()
}

/// The deployment of that number.
pub(super) async fn numbered(tx: &mut Tx, seq: i64) -> Result<Option<Deployment>, StoreError> {
    tx.optional(&format!("{SELECT} WHERE seq = $1"), values![seq]).await?.as_ref().map(read).transpose()
}

/// The last deployment of a version.
pub(super) async fn of_model(tx: &mut Tx, model: &str) -> Result<Option<Deployment>, StoreError> {
    let sql = format!("{SELECT} WHERE model = $1 ORDER BY seq DESC LIMIT 1");
    tx.optional(&sql, values![model]).await?.as_ref().map(read).transpose()
}

/// Writes one down.
pub(super) async fn add(
    tx: &mut Tx,
    about: &ModelVersion,
    model: Option<&str>,
    beneath: Option<i64>,
    (action, by): (&str, &str),
) -> Result<(), StoreError> {
    let seq = tx.next("deployment").await?;
    let sql = "INSERT INTO deployments (seq, organisation, name, model, beneath, action, at, by_whom) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let row = values![seq, &about.organisation, &about.name, model, beneath, action, now(), by];
    tx.execute(sql, row).await.map(drop)
}

/// What goes with a change of production in the audit log.
pub(super) fn details(model: &ModelVersion, replaced: Option<&ModelVersion>) -> serde_json::Value {
    json!({"id": model.id, "replaced": replaced.map(ModelVersion::label)})
}
