//! What a set holds: the last file of it that is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use vision::Sha256;

use super::{SetName, ShardEntry};
use crate::error::StoreError;
use crate::objects::Files;

/// First member of a manifest.
pub const MANIFEST_FORMAT: &str = "shelf-photos";
const VERSION: u32 = 1;
/// Largest manifest read.
const MAX_BYTES: u64 = 64 << 20;

/// What a set holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: String,
    /// Of the format.
    pub version: u32,
    /// Name of the set.
    pub set: String,
    /// Digest over paths, sizes and digests of `files`: the version of the set.
    pub sha256: Sha256,
    /// Photos.
    pub photos: u64,
    /// Boxes on them.
    pub boxes: u64,
    /// Bytes of their images.
    pub image_bytes: u64,
    /// Photos by part, where the set is split.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, u64>,
    /// What it was made of, and how.
    pub made: Json,
    /// Its files of labels, by path.
    pub files: Vec<ShardEntry>,
}

impl Manifest {
    /// Of a set's files of labels.
    #[must_use]
    pub fn of(set: &SetName, made: Json, mut files: Vec<ShardEntry>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut parts = BTreeMap::new();
        for (part, photos) in files.iter().flat_map(|file| &file.parts) {
            *parts.entry(part.clone()).or_default() += photos;
        }
        let sum = |what: fn(&ShardEntry) -> u64| files.iter().map(what).sum();
        Self {
            format: MANIFEST_FORMAT.to_owned(),
            version: VERSION,
            set: set.to_string(),
            sha256: root(&files),
            photos: sum(|file| file.photos),
            boxes: sum(|file| file.boxes),
            image_bytes: sum(|file| file.image_bytes),
            parts,
            made,
            files,
        }
    }

    /// The manifest of a set; `None` when it has none, and so is not whole.
    ///
    /// # Errors
    /// When it is no sound manifest of this set, or the place cannot be read.
    pub async fn read(files: &Files, set: &SetName) -> Result<Option<Self>, StoreError> {
        let Some(text) = files.get(&set.manifest(), MAX_BYTES).await? else { return Ok(None) };
        let damaged =
            |reason: String| StoreError::Damaged { what: "manifest", value: format!("{}: {reason}", set.manifest()) };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if (manifest.format.as_str(), manifest.version) != (MANIFEST_FORMAT, VERSION) || manifest.set != set.to_string()
        {
            return Err(damaged(format!(
                "it is a {:?} of version {} of {:?}",
                manifest.format, manifest.version, manifest.set
            )));
        }
        if root(&manifest.files) != manifest.sha256 {
            return Err(damaged("its files give another digest than it says".to_owned()));
        }
        Ok(Some(manifest))
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub async fn write(&self, files: &Files, set: &SetName) -> Result<(), StoreError> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| StoreError::objects(std::io::Error::other(error)))?;
        text.push(b'\n');
        files.put(&set.manifest(), text.into()).await
    }
}

fn root(files: &[ShardEntry]) -> Sha256 {
    let rows: Vec<String> =
        files.iter().map(|file| format!("{}\n{}\n{}\n", file.path, file.bytes, file.sha256)).collect();
    Sha256::of(rows.concat().as_bytes())
}
