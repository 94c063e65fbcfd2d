//! Tables that are there, and what they hold.

use store::Store;
use store::data_sets::DataSet;
use tabular::Description;

use super::content::Content;
use super::schema::{Schema, description};
use crate::error::PlatformError;
use crate::platform::Platform;

/// A table and what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// What is kept of it.
    pub set: DataSet,
    /// What it holds.
    pub description: Description,
}

impl Platform {
    /// Tables of an organisation, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn data_sets(&self, organisation: &str) -> Result<Vec<DataSet>, PlatformError> {
        Ok(self.store().await?.data_sets(organisation).await?)
    }

    /// A table and what it holds.
    ///
    /// # Errors
    /// When the organisation has none of that id, or the database is not there.
    pub async fn describe(&self, organisation: &str, id: &str) -> Result<Described, PlatformError> {
        let (store, set) = self.find(organisation, id).await?;
        let description = description(&store, organisation, id).await?;
        Ok(Described { set, description })
    }

    /// The CSV of a table.
    ///
    /// # Errors
    /// As [`Platform::describe`], and when the content is not there.
    pub async fn content(&self, organisation: &str, id: &str) -> Result<(DataSet, Content), PlatformError> {
        let (store, set) = self.find(organisation, id).await?;
        let content = Content::of(&store, &set).await?;
        Ok((set, content))
    }

    /// Columns of a table with their types, and which of them is to be told.
    ///
    /// # Errors
    /// As [`Platform::describe`].
    pub async fn schema(&self, organisation: &str, id: &str) -> Result<Schema, PlatformError> {
        let (store, set) = self.find(organisation, id).await?;
        Schema::of(&store, &set).await
    }

    pub(crate) async fn find(&self, organisation: &str, id: &str) -> Result<(Store, DataSet), PlatformError> {
        let store = self.store().await?;
        let set = store.data_set(organisation, id).await?;
        Ok((store, set))
    }
}
