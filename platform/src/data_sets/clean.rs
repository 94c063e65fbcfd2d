//! A table without outliers and missing values.

use serde_json::json;
use store::Key;
use store::audit::Actor;
use store::data_sets::DataSet;
use tabular::{CleanOptions, Column, clean};

use super::Source;
use super::draft::{Draft, Origin};
use crate::error::PlatformError;
use crate::platform::Platform;

/// What became of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// The clean table.
    pub set: DataSet,
    /// Rows before.
    pub original_rows: u64,
    /// Values that are missing still: there was nothing to fill them with.
    pub still_missing: u64,
}

impl Platform {
    /// Makes a clean table of another one.
    ///
    /// # Errors
    /// When the organisation has no such table or as much as it may, or no row would be left.
    pub async fn clean(
        &self,
        id: &str,
        options: CleanOptions,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Cleaned, PlatformError> {
        let (store, set) = self.find(&actor.organisation, id).await?;
        let (source, target) = (Source::of(&store, &set).await?, set.target.clone());
        let work = move |_: &vision::Cancel| {
            let cleaned = clean(&source.table()?, &options)?;
            let still_missing: usize = cleaned.columns().iter().map(Column::missing).sum();
            Ok((Draft::of(&cleaned, target.as_deref())?, still_missing as u64))
        };
        let (draft, still_missing) = self.bench().run(&actor.organisation, work).await?;
        let lineage = json!({"operation": "clean", "options": options});
        let origin = Origin { name: format!("{} clean", set.name), parent: Some(set.id), lineage };
        let kept = self.keep(&store, vec![(draft, origin)], key, actor).await?.pop().ok_or(PlatformError::Inside)?;
        Ok(Cleaned { set: kept, original_rows: set.rows, still_missing })
    }
}
