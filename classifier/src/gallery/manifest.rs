//! What a gallery's files look like on disk. Domain types have no serde; this is their other side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vision::{ExemplarId, Sha256, Sku, SkuId};

use super::data::Exemplar;

/// First field of every manifest.
pub(crate) const FORMAT: &str = "shelfsight-gallery";
/// Version of the layout described in [`super::snapshot`].
pub(crate) const VERSION: u64 = 1;

/// Enough of a manifest to know whether the rest can be understood.
#[derive(Debug, Deserialize)]
pub(crate) struct Preface {
    pub(crate) format: String,
    pub(crate) version: u64,
}

/// `gallery.json`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) created: String,
    /// Counts up with every change; the files of revision 3 are in `v000003/`.
    pub(crate) revision: u64,
    pub(crate) embedder: EmbedderEntry,
    pub(crate) skus: u64,
    pub(crate) exemplars: u64,
    pub(crate) next_sku: u32,
    pub(crate) next_exemplar: u64,
    pub(crate) files: BTreeMap<String, FileEntry>,
    /// Digest of the embedder's fingerprint and of the files' digests in order of name: the identity of the content.
    pub(crate) sha256: Sha256,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmbedderEntry {
    pub(crate) description: String,
    pub(crate) fingerprint: Sha256,
    pub(crate) dimension: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkuEntry {
    id: u32,
    code: String,
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExemplarEntry {
    id: u64,
    sku: u32,
    origin: String,
    sha256: Sha256,
}

impl Manifest {
    /// What [`Manifest::sha256`] must be.
    pub(crate) fn content_digest(fingerprint: Sha256, files: &BTreeMap<String, FileEntry>) -> Sha256 {
        let digests: Vec<[u8; 32]> = files.values().map(|file| file.sha256.0).collect();
        let parts = std::iter::once(fingerprint.0.as_slice()).chain(digests.iter().map(<[u8; 32]>::as_slice));
        Sha256::of_parts(&parts.collect::<Vec<_>>())
    }
}

impl From<&Sku> for SkuEntry {
    fn from(sku: &Sku) -> Self {
        Self { id: sku.id.0, code: sku.code.clone(), name: sku.name.clone() }
    }
}

impl From<SkuEntry> for Sku {
    fn from(entry: SkuEntry) -> Self {
        Self { id: SkuId(entry.id), code: entry.code, name: entry.name }
    }
}

impl From<&Exemplar> for ExemplarEntry {
    fn from(exemplar: &Exemplar) -> Self {
        Self { id: exemplar.id.0, sku: exemplar.sku.0, origin: exemplar.origin.clone(), sha256: exemplar.sha256 }
    }
}

impl From<ExemplarEntry> for Exemplar {
    fn from(entry: ExemplarEntry) -> Self {
        Self { id: ExemplarId(entry.id), sku: SkuId(entry.sku), origin: entry.origin, sha256: entry.sha256 }
    }
}
