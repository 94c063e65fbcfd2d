//! Tables, found. What belongs to another organisation is not there.

use super::DataSet;
use super::model::{COLUMNS, data_set};
use crate::error::StoreError;
use crate::objects::Objects;
use crate::sql::values;
use crate::store::Store;

/// Most tables of an answer.
const MAX_LISTED: u32 = 1_000;

impl Store {
    /// Where an organisation's tables lie: apart from images, which are swept, and from other organisations'.
    #[must_use]
    pub fn data_objects(&self, organisation: &str) -> Objects {
        self.objects.below(&["data_sets", organisation])
    }

    /// Tables of an organisation, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn data_sets(&self, organisation: &str) -> Result<Vec<DataSet>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM data_sets WHERE organisation = $1 ORDER BY created_at DESC, id DESC LIMIT {MAX_LISTED}"
        );
        self.database.all(&sql, values![organisation]).await?.iter().map(data_set).collect()
    }

    /// The table of that id.
    ///
    /// # Errors
    /// When the organisation has none, or the database is not there.
    pub async fn data_set(&self, organisation: &str, id: &str) -> Result<DataSet, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM data_sets WHERE organisation = $1 AND id = $2");
        let row = self.database.optional(&sql, values![organisation, id]).await?;
        row.as_ref().map(data_set).transpose()?.ok_or_else(|| StoreError::not_found("data set", id))
    }

    /// What is known of the columns of a table, as it was given when it was kept.
    ///
    /// # Errors
    /// When the organisation has no such table, or the database is not there.
    pub async fn data_set_description(&self, organisation: &str, id: &str) -> Result<String, StoreError> {
        let sql = "SELECT description FROM data_sets WHERE organisation = $1 AND id = $2";
        let row = self.database.optional(sql, values![organisation, id]).await?;
        row.ok_or_else(|| StoreError::not_found("data set", id))?.text("description")
    }
}
