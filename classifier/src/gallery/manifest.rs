//! What a gallery's files look like on disk. Domain types have no serde; this is their other side.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// This moment as RFC 3339 in UTC: `2026-11-21T09:30:00Z`.
pub(crate) fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    timestamp(seconds)
}

/// Seconds since 1970 as RFC 3339 in UTC.
#[must_use]
pub fn timestamp(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // The civil calendar in 400-year cycles that start on 1 March (Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (cycle, day_of_cycle) = (shifted / 146_097, shifted % 146_097);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamps_follow_the_calendar() {
        // date -u -d @N +%FT%TZ
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), expected);
        }
    }
}
