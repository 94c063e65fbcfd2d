//! What is kept of a version.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vision::Sha256;

use crate::error::StoreError;
use crate::model::{Timestamp, digest, spelled};
use crate::sql::Row;

spelled! {
    /// What a version is.
    ModelKind ("kind") {
        /// A detector, an embedder, a gallery and the rules that were found for them.
        Release => "release",
        /// A model of tables.
        Tabular => "tabular",
        /// A small network for devices.
        Mlp => "mlp",
    }
}

spelled! {
    /// Where a version stands.
    ModelStatus ("status") {
        /// In the making.
        Training => "training",
        /// Whole; may be promoted.
        Staged => "staged",
        /// Answers.
        Production => "production",
        /// Was replaced or put away; a rollback may bring it back.
        Archived => "archived",
    }
}

/// Data that a version learned from, or was measured on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSetRef {
    /// Name people know it by.
    pub name: String,
    /// Digest of its content.
    pub sha256: String,
}

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelFile {
    /// Relative, with `/` between names.
    pub path: String,
    /// Of its content, by which it lies among the objects.
    pub sha256: Sha256,
    /// Size.
    pub bytes: u64,
}

/// A version to be registered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModel {
    /// Id of the organisation that it belongs to.
    pub organisation: String,
    /// What it is.
    pub kind: ModelKind,
    /// Of which it is a version.
    pub name: String,
    /// One of a kind under the name.
    pub version: String,
    /// Whether it is still in the making: it is deployed later, under a name and version of its own choice.
    pub training: bool,
    /// How it works, such as `random_forest` or `yolov8n + efficientnet_lite0`.
    pub algorithm: String,
    /// Words.
    pub description: String,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// What it learned from.
    pub datasets: Vec<DataSetRef>,
    /// Ids of versions that it comes from.
    pub parents: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What goes with the files: rules, thresholds.
    pub settings: serde_json::Value,
    /// All of them, written before.
    pub files: Vec<ModelFile>,
}

impl NewModel {
    /// What the version will be, whatever it is called: of kind, settings and files, which are in order.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        digest_of(self.kind, &self.settings.to_string(), &self.files)
    }
}

/// A version.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// UUID.
    pub id: String,
    /// Id of the organisation that it belongs to.
    pub organisation: String,
    /// What it is.
    pub kind: ModelKind,
    /// Of which it is a version.
    pub name: String,
    /// One of a kind under the name.
    pub version: String,
    /// Where it stands.
    pub status: ModelStatus,
    /// How it works.
    pub algorithm: String,
    /// Words.
    pub description: String,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// What it learned from.
    pub datasets: Vec<DataSetRef>,
    /// Ids of versions that it comes from.
    pub parents: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What goes with the files.
    pub settings: serde_json::Value,
    /// Of kind, settings and files.
    pub digest: Sha256,
    /// When it was registered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl ModelVersion {
    /// `shelf@1.2`, as people name it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// What a version is, whatever it is called: of kind, settings and files.
pub(super) fn digest_of(kind: ModelKind, settings: &str, files: &[ModelFile]) -> Sha256 {
    let mut parts: Vec<&[u8]> = vec![b"shelfsight model 1", kind.as_str().as_bytes(), settings.as_bytes()];
    for file in files {
        parts.push(file.path.as_bytes());
        parts.push(&file.sha256.0);
    }
    Sha256::of_parts(&parts)
}

/// What [`version`] reads.
pub(super) const COLUMNS: &str = "id, organisation, kind, name, version, status, algorithm, description, metrics, \
                                  datasets, parents, tags, settings, digest, created_at, created_by";

pub(super) fn version(row: &Row) -> Result<ModelVersion, StoreError> {
    fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, StoreError> {
        let text = row.text(column)?;
        serde_json::from_str(&text)
            .map_err(|_| StoreError::Damaged { what: column, value: crate::error::shorten(&text) })
    }
    fn word<T: FromStr>(row: &Row, column: &'static str) -> Result<T, StoreError> {
        let text = row.text(column)?;
        text.parse().map_err(|_| StoreError::Damaged { what: column, value: crate::error::shorten(&text) })
    }
    Ok(ModelVersion {
        id: row.text("id")?,
        organisation: row.text("organisation")?,
        kind: word(row, "kind")?,
        name: row.text("name")?,
        version: row.text("version")?,
        status: word(row, "status")?,
        algorithm: row.text("algorithm")?,
        description: row.text("description")?,
        metrics: json(row, "metrics")?,
        datasets: json(row, "datasets")?,
        parents: json(row, "parents")?,
        tags: json(row, "tags")?,
        settings: json(row, "settings")?,
        digest: digest(&row.text("digest")?)?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
    })
}
