//! Columns of a table with their types, and which of them is to be told.

use serde::Serialize;
use store::data_sets::DataSet;
use store::{Store, StoreError};
use tabular::Description;
use tabular::table::Kind;

use crate::error::PlatformError;

/// Columns of a table with their types, and which of them is to be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schema {
    /// All columns, in order.
    pub columns: Vec<SchemaColumn>,
    /// The column that is to be told, where that was said at the upload.
    pub target: Option<String>,
    /// Its classes, where it has some: numbers by size, words by letter.
    pub classes: Option<Vec<String>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Its type, as pandas calls it.
    pub dtype: String,
}

impl Schema {
    /// Of a stored table.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn of(store: &Store, set: &DataSet) -> Result<Self, PlatformError> {
        let Description { kinds, dtypes, .. } = description(store, &set.organisation, &set.id).await?;
        let dtype = |name: &str| dtypes.get(name).map_or_else(String::new, |dtype| dtype.clone().into_owned());
        let column = |(name, kind): (String, Kind)| SchemaColumn { dtype: dtype(&name), name, kind };
        let columns = kinds.0.into_iter().map(column).collect();
        Ok(Self { columns, target: set.target.clone(), classes: set.classes.clone() })
    }

    /// The columns that a model may learn from: all but the one that is to be told.
    pub fn features(&self) -> impl Iterator<Item = &SchemaColumn> {
        self.columns.iter().filter(|column| self.target.as_ref() != Some(&column.name))
    }
}

/// What was found in a table when it was kept.
pub(super) async fn description(store: &Store, organisation: &str, id: &str) -> Result<Description, PlatformError> {
    let text = store.data_set_description(organisation, id).await?;
    let damaged = |_| StoreError::Damaged { what: "description of a data set", value: id.to_owned() };
    Ok(serde_json::from_str(&text).map_err(damaged)?)
}
