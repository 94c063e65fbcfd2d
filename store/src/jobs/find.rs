//! Jobs, found. What belongs to another organisation is not there.

use super::model::{COLUMNS, job};
use super::{Job, JobStatus};
use crate::error::StoreError;
use crate::sql::{Tx, values};
use crate::store::Store;

/// Most jobs of an answer.
const MAX_LISTED: u32 = 1_000;

impl Store {
    /// Jobs of an organisation, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn jobs(&self, organisation: &str) -> Result<Vec<Job>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE organisation = $1 ORDER BY created_at DESC, id DESC LIMIT {MAX_LISTED}"
        );
        self.database.all(&sql, values![organisation]).await?.iter().map(job).collect()
    }

    /// The job of that id.
    ///
    /// # Errors
    /// When the organisation has none, or the database is not there.
    pub async fn job(&self, organisation: &str, id: &str) -> Result<Job, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE organisation = $1 AND id = $2");
        let row = self.database.optional(&sql, values![organisation, id]).await?;
        row.as_ref().map(job).transpose()?.ok_or_else(|| StoreError::not_found("job", id))
    }

    /// The newest completed job of a kind, of all tables or of one.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn newest_completed(
        &self,
        organisation: &str,
        kind: &str,
        data_set: Option<&str>,
    ) -> Result<Option<Job>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE organisation = $1 AND kind = $2 AND status = $3 \
             AND ($4 = '' OR data_set = $4) ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        let asked = values![organisation, kind, JobStatus::Completed.as_str(), data_set.unwrap_or_default()];
        self.database.optional(&sql, asked).await?.as_ref().map(job).transpose()
    }

    /// What became of a job, as its worker wrote it.
    ///
    /// # Errors
    /// When the organisation has no such job, or the database is not there.
    pub async fn job_outcome(&self, organisation: &str, id: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT outcome FROM jobs WHERE organisation = $1 AND id = $2";
        let row = self.database.optional(sql, values![organisation, id]).await?;
        row.ok_or_else(|| StoreError::not_found("job", id))?.get("outcome")
    }
}

/// The job of that id, held until the transaction ends.
pub(super) async fn held(tx: &mut Tx, organisation: &str, id: &str) -> Result<Job, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE organisation = $1 AND id = $2{}", tx.locked());
    let row = tx.optional(&sql, values![organisation, id]).await?;
    row.as_ref().map(job).transpose()?.ok_or_else(|| StoreError::not_found("job", id))
}
