//! Versions, found.

use super::model::{COLUMNS, version};
use super::{ModelKind, ModelStatus, ModelVersion};
use crate::error::StoreError;
use crate::sql::{Value, values};
use crate::store::Store;

/// Most versions of an answer.
const MAX_LISTED: u32 = 1_000;

/// Which versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelFilter {
    /// Of this name.
    pub name: Option<String>,
    /// That stand there.
    pub status: Option<ModelStatus>,
    /// Of this kind.
    pub kind: Option<ModelKind>,
}

impl Store {
    /// Versions of an organisation, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn models(&self, organisation: &str, filter: &ModelFilter) -> Result<Vec<ModelVersion>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM model_versions WHERE organisation = $1");
        let mut bound = values![organisation];
        for (column, value) in [
            ("name", filter.name.as_deref()),
            ("status", filter.status.map(ModelStatus::as_str)),
            ("kind", filter.kind.map(ModelKind::as_str)),
        ] {
            if let Some(value) = value {
                bound.push(Value::from(value));
                sql += &format!(" AND {column} = ${}", bound.len());
            }
        }
        sql += &format!(" ORDER BY created_at DESC, id DESC LIMIT {MAX_LISTED}");
        self.database.all(&sql, bound).await?.iter().map(version).collect()
    }

    /// The version of that id, or `NAME@VERSION`.
    ///
    /// # Errors
    /// When the organisation has none, or the database is not there.
    pub async fn model(&self, organisation: &str, named: &str) -> Result<ModelVersion, StoreError> {
        let row = match named.split_once('@') {
            Some((name, number)) => {
                let sql = format!(
                    "SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND name = $2 AND version = $3"
                );
                self.database.optional(&sql, values![organisation, name, number]).await?
            }
            None => {
                let sql = format!("SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND id = $2");
                self.database.optional(&sql, values![organisation, named]).await?
            }
        };
        row.as_ref().map(version).transpose()?.ok_or_else(|| StoreError::not_found("model", named))
    }

    /// Id of the version of a name that is in production: one look into an index, for whoever asks every second.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn production_id(&self, organisation: &str, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT id FROM model_versions WHERE organisation = $1 AND name = $2 AND status = 'production'";
        self.database.optional(sql, values![organisation, name]).await?.map(|row| row.text("id")).transpose()
    }

    /// The version of a name that is in production.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn in_production(&self, organisation: &str, name: &str) -> Result<Option<ModelVersion>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND name = $2 AND status = 'production'"
        );
        self.database.optional(&sql, values![organisation, name]).await?.as_ref().map(version).transpose()
    }
}
