//! What became of the files of a folder.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vision::{DecodeError, Sha256, Sku, SkuId};

/// What became of the files of a folder.
#[derive(Debug, Default)]
pub struct EnrolReport {
    /// Exemplars added.
    pub added: usize,
    /// Exemplars added, by SKU.
    pub per_sku: BTreeMap<SkuId, usize>,
    /// SKUs that were not in the gallery before.
    pub new_skus: Vec<Sku>,
    /// Codes of folders without a usable image; they are not in the gallery.
    pub empty: Vec<String>,
    /// Files that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// Images that repeat an exemplar of their own SKU, whether left out or kept.
    pub redundant: Vec<Redundant>,
    /// Identical files under two SKUs: one of the labels is wrong. Both are enrolled, unless the second is redundant.
    pub conflicts: Vec<Conflict>,
    /// Every file that is an image, with its digest, whatever became of it.
    pub images: Vec<(Sha256, PathBuf)>,
}

impl EnrolReport {
    /// `: x.txt is not an image` for messages, or nothing.
    pub(super) fn first_reason(&self) -> String {
        self.skipped.first().map(|s| format!("; {}: {}", s.path.display(), s.reason)).unwrap_or_default()
    }
}

/// A file that was left out.
#[derive(Debug)]
pub struct Skipped {
    /// Path of the file or folder.
    pub path: PathBuf,
    /// Reason.
    pub reason: SkipReason,
}

/// Why a file was left out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The bytes are not an image we take.
    #[error("{0}")]
    NotAnImage(DecodeError),
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// A pipe, a device, a broken link.
    #[error("it is not a regular file")]
    NotAFile,
    /// A folder inside a SKU folder.
    #[error("it is a folder inside a SKU folder; move its images up, or make it a SKU folder of its own")]
    Nested,
    /// A file beside the SKU folders.
    #[error("it lies beside the SKU folders; move it into the folder of its SKU")]
    BesideFolders,
    /// A link that leads out of the folder.
    #[error("it is a link out of the folder; copy the file instead")]
    OutsideTree,
    /// The name of the folder cannot be a code.
    #[error("its name cannot be the code of a SKU; use letters, digits, dashes and underscores")]
    Name,
    /// The SKU has the same file already.
    #[error("it is the same file as {of}")]
    Duplicate {
        /// Where that one came from.
        of: String,
    },
}

/// An image that looks like an exemplar that its SKU has already.
#[derive(Debug, Clone, PartialEq)]
pub struct Redundant {
    /// Path of the file or folder.
    pub path: PathBuf,
    /// Code of the SKU.
    pub code: String,
    /// Where the nearest exemplar came from.
    pub of: String,
    /// Cosine similarity of the two.
    pub similarity: f32,
}

/// Identical files under two SKUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Code and origin of the first.
    pub first: (String, String),
    /// Code and origin of the second.
    pub second: (String, String),
}
