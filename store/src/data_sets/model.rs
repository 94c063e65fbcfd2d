//! What is kept of a table.

use vision::Sha256;

use crate::error::StoreError;
use crate::model::{Timestamp, digest};
use crate::sql::Row;

/// A table whose content was written before ([`crate::Store::data_objects`]).
#[derive(Debug, Clone, PartialEq)]
pub struct NewDataSet {
    /// What people call it.
    pub name: String,
    /// Digest of names, types and values.
    pub version: Sha256,
    /// Digest of the CSV.
    pub sha256: Sha256,
    /// Size of the CSV.
    pub bytes: u64,
    /// Id of what it was made of; `None` when it was uploaded.
    pub parent: Option<String>,
    /// How it was made.
    pub lineage: serde_json::Value,
    /// Rows.
    pub rows: u64,
    /// Columns.
    pub columns: u64,
    /// The column that is to be told, where that was said.
    pub target: Option<String>,
    /// Its classes, where it has some.
    pub classes: Option<Vec<String>>,
    /// Types, missing values and statistics, as JSON.
    pub description: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// UUID.
    pub id: String,
    /// Id of the organisation that it belongs to.
    pub organisation: String,
    /// What people call it.
    pub name: String,
    /// Digest of names, types and values.
    pub version: Sha256,
    /// Digest of the CSV.
    pub sha256: Sha256,
    /// Size of the CSV.
    pub bytes: u64,
    /// Id of what it was made of; `None` when it was uploaded.
    pub parent: Option<String>,
    /// How it was made.
    pub lineage: serde_json::Value,
    /// Rows.
    pub rows: u64,
    /// Columns.
    pub columns: u64,
    /// The column that is to be told, where that was said.
    pub target: Option<String>,
    /// Its classes, where it has some.
    pub classes: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// What [`data_set`] reads: all but the description, which may be long.
pub(super) const COLUMNS: &str = "id, organisation, name, version, sha256, bytes, parent, lineage, row_count, \
                                  column_count, target, classes, created_at, created_by";

pub(super) fn data_set(row: &Row) -> Result<DataSet, StoreError> {
    fn json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|_| StoreError::Damaged { what, value: crate::error::shorten(text) })
    }
    let classes: Option<String> = row.get("classes")?;
    Ok(DataSet {
        id: row.text("id")?,
        organisation: row.text("organisation")?,
        name: row.text("name")?,
        version: digest(&row.text("version")?)?,
        sha256: digest(&row.text("sha256")?)?,
        bytes: row.int("bytes")?.unsigned_abs(),
        parent: row.get("parent")?,
        lineage: json("lineage", &row.text("lineage")?)?,
        rows: row.int("row_count")?.unsigned_abs(),
        columns: row.int("column_count")?.unsigned_abs(),
        target: row.get("target")?,
        classes: classes.map(|text| json("classes", &text)).transpose()?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
    })
}
