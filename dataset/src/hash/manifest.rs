//! The JSON file that says what a folder held.
//!
//! ```json
//! {
//!   "format": "shelf-manifest",
//!   "version": 1,
//!   "root": "<SHA-256 of the Merkle tree>",
//!   "bytes": 123456,
//!   "excluded": ["manifest.json"],
//!   "links": [{"path": "latest", "target": "2026"}],
//!   "files": [
//!     {"path": "images/a.jpg", "size": 12345, "sha256": "<SHA-256 of the content>"}
//!   ]
//! }
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Sha256;

use super::merkle::{Builder, Kind};
use super::{HashError, hash_files};
use crate::Progress;
use crate::files::{FileError, read_bounded, walk, write_atomic, write_rows};

/// First member of a manifest.
pub const MANIFEST_FORMAT: &str = "shelf-manifest";
const VERSION: u32 = 1;

/// Largest manifest read: room for millions of files.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// What a folder held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    root: Sha256,
    excluded: Vec<String>,
    links: Vec<LinkEntry>,
    files: Vec<Entry>,
}

/// A file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Of the content.
    pub sha256: Sha256,
}

/// A symbolic link of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEntry {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// What it says.
    pub target: String,
}

/// A file that is no sound manifest.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not the expected JSON.
    #[error("{path} is not a manifest written by `shelf dataset hash`")]
    Json {
        /// Path of the file.
        path: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Written by another version.
    #[error("{path} is a {format:?} of version {version}; this program reads {MANIFEST_FORMAT:?} of version {VERSION}")]
    Version {
        /// Path of the file.
        path: String,
        /// What it says it is.
        format: String,
        /// Of which version.
        version: u32,
    },
    /// Entries out of order or twice.
    #[error("{path}: files[{at}]: {name:?} is out of order or given twice")]
    Order {
        /// Path of the file.
        path: String,
        /// Which entry.
        at: usize,
        /// Its path.
        name: String,
    },
    /// Edited or cut short.
    #[error("{path} is damaged: its files give the root {found}, but it says {said}")]
    Root {
        /// Path of the file.
        path: String,
        /// Digest stated.
        said: Sha256,
        /// What its entries give.
        found: Sha256,
    },
}

#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    version: u32,
    root: Sha256,
    bytes: u64,
    excluded: &'a [String],
    links: &'a [LinkEntry],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    format: String,
    version: u32,
    root: Sha256,
    #[serde(rename = "bytes")]
    _bytes: u64,
    excluded: Vec<String>,
    links: Vec<LinkEntry>,
    files: Vec<Entry>,
}

impl Manifest {
    /// Hashes every file below `folder` except the relative paths in `excluded` (the manifest itself, when it is kept inside).
    ///
    /// # Errors
    /// When the folder cannot be listed or a file cannot be read.
    pub fn of_folder(folder: &Path, excluded: &[String], progress: &dyn Progress) -> Result<Self, HashError> {
        let mut excluded = excluded.to_vec();
        excluded.sort_unstable();
        excluded.dedup();
        let mut tree = walk(folder)?;
        if let Some(path) = tree.unnamed.pop() {
            return Err(HashError::Unnamed { path });
        }
        // A digest that left something out could not say that two folders are equal.
        tree.files.append(&mut tree.hidden);
        tree.files.sort_unstable();
        tree.files.retain(|path| excluded.binary_search(path).is_err());
        let digests = hash_files(folder, &tree.files, progress)?;
        let files: Vec<Entry> = tree
            .files
            .into_iter()
            .zip(digests)
            .map(|(path, digest)| Entry { path, size: digest.size, sha256: digest.sha256 })
            .collect();
        let links: Vec<LinkEntry> =
            tree.links.into_iter().map(|link| LinkEntry { path: link.path, target: link.target }).collect();
        Ok(Self { root: root_of(&files, &links), excluded, links, files })
    }

    /// The digest that stands for the whole folder.
    #[must_use]
    pub fn root(&self) -> Sha256 {
        self.root
    }

    /// Files, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[Entry] {
        &self.files
    }

    /// Symbolic links, sorted by path.
    #[must_use]
    pub fn links(&self) -> &[LinkEntry] {
        &self.links
    }

    /// Paths that were left out.
    #[must_use]
    pub fn excluded(&self) -> &[String] {
        &self.excluded
    }

    /// Sum of the file sizes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }

    /// Reads a manifest and checks that it is whole: its entries must give its root.
    ///
    /// # Errors
    /// When the file cannot be read or is not a sound manifest.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let place = || path.display().to_string();
        let bytes = read_bounded(path, MAX_MANIFEST_BYTES)?;
        let whole: Whole =
            serde_json::from_slice(&bytes).map_err(|source| ManifestError::Json { path: place(), source })?;
        if whole.format != MANIFEST_FORMAT || whole.version != VERSION {
            return Err(ManifestError::Version { path: place(), format: whole.format, version: whole.version });
        }
        let mut last: Option<&str> = None;
        for (at, Entry { path: name, .. }) in whole.files.iter().enumerate() {
            // Whatever a name says, it is only compared, never opened.
            if last.is_some_and(|last| last >= name.as_str()) {
                return Err(ManifestError::Order { path: place(), at, name: name.clone() });
            }
            last = Some(name);
        }
        let found = root_of(&whole.files, &whole.links);
        if found != whole.root {
            return Err(ManifestError::Root { path: place(), said: whole.root, found });
        }
        Ok(Self { root: found, excluded: whole.excluded, links: whole.links, files: whole.files })
    }

    /// Writes the manifest beside `path`, then renames it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let head = Head {
            format: MANIFEST_FORMAT,
            version: VERSION,
            root: self.root,
            bytes: self.bytes(),
            excluded: &self.excluded,
            links: &self.links,
        };
        write_atomic(path, |writer| write_rows(writer, &head, "files", self.files.iter()))
    }
}

/// Files and links together in order of their paths.
fn root_of(files: &[Entry], links: &[LinkEntry]) -> Sha256 {
    let mut builder = Builder::default();
    let mut links = links.iter().peekable();
    let push_link = |builder: &mut Builder, link: &LinkEntry| {
        builder.push(Kind::Link, &link.path, link.target.len() as u64, &Sha256::of(link.target.as_bytes()));
    };
    for file in files {
        while let Some(link) = links.next_if(|link| link.path < file.path) {
            push_link(&mut builder, link);
        }
        builder.push(Kind::File, &file.path, file.size, &file.sha256);
    }
    links.for_each(|link| push_link(&mut builder, link));
    builder.root()
}

/// The path of `file` relative to `folder`, when it lies inside: what to leave out of a hash.
#[must_use]
pub fn inside(folder: &Path, file: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    // The file may not exist yet; its folder does.
    let name = file.file_name()?;
    let holder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize().ok()?,
        _ => std::env::current_dir().ok()?.canonicalize().ok()?,
    };
    let relative = holder.strip_prefix(&folder).ok()?.join(name);
    let names: Option<Vec<&str>> = relative.components().map(|c| c.as_os_str().to_str()).collect();
    Some(names?.join("/"))
}
