//! Why a gallery cannot be read, written or changed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vision::{ExemplarId, Sha256, SkuId};

use super::npy::NpyError;

/// A gallery that cannot be used as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// There is no gallery.
    #[error("there is no gallery in {path}; build one with `shelf gallery build FOLDER --gallery {path}`")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was tried: `read`, `write`.
        doing: &'static str,
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The folder holds other things.
    #[error(
        "{path} holds files but no gallery; choose an empty or new folder so that nothing of yours is mixed with it"
    )]
    NotAGallery {
        /// Path of the file or folder.
        path: PathBuf,
    },
    /// Another process writes at this moment.
    #[error("another process is writing the gallery {path}; try again when it is done")]
    Busy {
        /// Path of the file or folder.
        path: PathBuf,
    },
    /// Somebody else wrote since this gallery was read.
    #[error(
        "the gallery {path} was changed meanwhile (revision {found}, this change is based on {expected}); repeat the command"
    )]
    Changed {
        /// Path of the file or folder.
        path: PathBuf,
        /// Revision the change starts from.
        expected: u64,
        /// Revision on disk.
        found: u64,
    },
    /// A list is not what this program writes.
    #[error("{path} is not a list of this gallery: {source}; restore the folder from a copy, or build it again")]
    Json {
        /// Path of the file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The embeddings are not a usable array.
    #[error("{path} cannot be used: {source}; restore the folder from a copy, or build it again")]
    Npy {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: NpyError,
    },
    /// Written by another version of the program.
    #[error(
        "{path} has gallery format {found}, this program reads format {supported}; build it again with `shelf gallery build`"
    )]
    Version {
        /// Which manifest.
        path: PathBuf,
        /// Format it has.
        found: u64,
        /// Format understood.
        supported: u64,
    },
    /// A number of the manifest is absurd or contradicts the files.
    #[error("{path}: {field} is {found}, but {expected}; restore the folder from a copy, or build it again")]
    Inconsistent {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong.
        field: &'static str,
        /// Value found.
        found: u64,
        /// What it should be.
        expected: Expected,
    },
    /// A file was changed or damaged after it was written.
    #[error(
        "{path} was changed or damaged: its SHA-256 is {found}, the manifest says {expected}; restore the folder from a copy, or build it again"
    )]
    Digest {
        /// Path of the file.
        path: PathBuf,
        /// What the manifest says.
        expected: Sha256,
        /// What the file has.
        found: Sha256,
    },
    /// Built by another embedder.
    #[error(
        "the gallery {gallery} was built by {built_by} (fingerprint {}), but the embedder in use is {in_use} ({}); \
         their embeddings cannot be compared: embed its images again with `shelf gallery reembed --data-path FOLDER`, \
         which keeps numbers and names; or build it again with `shelf gallery build`, or configure the embedder it was \
         built by", expected.short(), found.short()
    )]
    Embedder {
        /// Name of the gallery.
        gallery: String,
        /// The embedder that built it, in words.
        built_by: String,
        /// Its fingerprint.
        expected: Sha256,
        /// The embedder in use, in words.
        in_use: String,
        /// Its fingerprint.
        found: Sha256,
    },
    /// Embeddings of another size.
    #[error(
        "the gallery {gallery} holds embeddings of {expected} components, not of {found}: embed its images again with \
         `shelf gallery reembed --data-path FOLDER`, which keeps numbers and names; or build it again with \
         `shelf gallery build`, or configure the embedder it was built by"
    )]
    Dimension {
        /// Name of the gallery.
        gallery: String,
        /// Components of the gallery's embeddings.
        expected: usize,
        /// Components that came.
        found: usize,
    },
    /// A row of the array is not an embedding.
    #[error(
        "{path}: row {row} is not a vector of length one; the file was not written by this program: build the gallery again"
    )]
    NotNormalized {
        /// Path of the file.
        path: PathBuf,
        /// Which row, from 0.
        row: usize,
    },
    /// A SKU that is not in the gallery.
    #[error("there is no SKU {0} in the gallery; `shelf gallery list` shows those there are")]
    UnknownSku(SkuId),
    /// A SKU code that is not in the gallery.
    #[error("there is no SKU {0:?} in the gallery; `shelf gallery list` shows those there are")]
    UnknownCode(String),
    /// An exemplar that is not in the gallery.
    #[error("there is no exemplar {} in the gallery; `shelf gallery list --exemplars` shows those there are", .0.0)]
    UnknownExemplar(ExemplarId),
    /// A SKU was to be merged into itself.
    #[error("SKU {0} cannot be merged into itself; name the SKU that takes its exemplars")]
    MergeIntoItself(SkuId),
    /// Negative exemplars were to be merged.
    #[error("what stands for \"not a container\" is no SKU: nothing can be merged from it or into it")]
    MergeOfNoSku,
    /// Two SKUs of one code or number.
    #[error("SKU {code:?} ({id}) is in the gallery twice; codes and numbers must be unique")]
    DuplicateSku {
        /// Its number.
        id: SkuId,
        /// Its code.
        code: String,
    },
    /// Two exemplars of one number, or out of order.
    #[error("exemplar {} is listed twice or out of order; restore the folder from a copy, or build it again", .0.0)]
    ExemplarOrder(ExemplarId),
    /// A SKU code that would not survive as the name of a folder.
    #[error(
        "{0:?} cannot be the code of a SKU: 1 to {MAX_CODE_BYTES} bytes without slashes or control characters, not starting with a dot"
    )]
    Code(String),
    /// Identifiers ran out.
    #[error("the gallery has no free number left for another SKU or exemplar")]
    Full,
    /// FAISS was asked for and is not built in.
    #[error(
        "this program was built without FAISS; set `gallery.index` to auto or flat, or build it with the feature `faiss`"
    )]
    FaissMissing,
    /// FAISS refused.
    #[error("FAISS failed to {doing}")]
    Faiss {
        /// What was tried.
        doing: &'static str,
        /// Its own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a number should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Expected {
    /// Exactly this.
    #[error("{0} is expected")]
    Exactly(u64),
    /// At most this.
    #[error("at most {0} is accepted")]
    AtMost(u64),
    /// More than this.
    #[error("it must be above {0}")]
    Above(u64),
}

/// Longest code of a SKU.
pub const MAX_CODE_BYTES: usize = 128;

impl GalleryError {
    pub(crate) fn read(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { doing: "read", path: path.into(), source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { doing: "write", path: path.into(), source }
    }
}
