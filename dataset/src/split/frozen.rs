//! The JSON file that freezes a split.
//!
//! ```json
//! {
//!   "format": "shelf-split",
//!   "version": 1,
//!   "seed": 42,
//!   "ratios": [0.7, 0.15, 0.15],
//!   "stratify": true,
//!   "grouping": "file",
//!   "data": "<SHA-256: Merkle root over the images and labels below>",
//!   "counts": {"train": 1, "val": 0, "test": 0},
//!   "files": [
//!     {"path": "images/a.jpg", "part": "train", "group": "images/a.jpg", "sha256": "<of the image>",
//!      "label": {"path": "labels/a.txt", "sha256": "<of the label file>"}}
//!   ]
//! }
//! ```
//! `grouping` is `"file"`, `"folder"`, `{"before": "TEXT"}` or `"table"`. `label` is absent where there is none.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Sha256;

use super::{GroupingRule, Part, Ratios};
use crate::files::{FileError, UnsafePath, read_bounded, safe_relative, write_atomic, write_rows};
use crate::hash::merkle::{Builder, Kind};
use crate::yolo::BadLabels;

/// First member of a frozen split.
pub const SPLIT_FORMAT: &str = "shelf-split";
const VERSION: u32 = 1;

/// Largest frozen split read.
const MAX_SPLIT_BYTES: u64 = 1 << 30;

/// Which image is in which part, once and for all.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenSplit {
    pub(super) seed: u64,
    pub(super) ratios: Ratios,
    pub(super) stratify: bool,
    pub(super) grouping: GroupingRule,
    data: Sha256,
    files: Vec<SplitFile>,
    /// Of the run that made it; the file does not keep it.
    left_out: BadLabels,
}

/// An image of a frozen split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitFile {
    /// The image, relative to the data set, with `/`.
    pub path: String,
    /// Its part.
    pub part: Part,
    /// The group it stays with.
    pub group: String,
    /// Digest of the image.
    pub sha256: Sha256,
    /// Its label file, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<SplitLabel>,
}

/// The label file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitLabel {
    /// Relative to the data set, with `/`.
    pub path: String,
    /// Digest of the file.
    pub sha256: Sha256,
}

/// A file that is no sound frozen split.
#[derive(Debug, Error)]
pub enum FrozenError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not the expected JSON.
    #[error("{path} is not a frozen split written by `shelf dataset split`")]
    Json {
        /// Path of the file.
        path: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Written by another version.
    #[error("{path} is a {format:?} of version {version}; this program reads {SPLIT_FORMAT:?} of version {VERSION}")]
    Version {
        /// Path of the file.
        path: String,
        /// What it says it is.
        format: String,
        /// Of which version.
        version: u32,
    },
    /// A path that leads out of the data set.
    #[error("{path}: files[{at}]: {fault}")]
    Path {
        /// Path of the file.
        path: String,
        /// Which entry.
        at: usize,
        /// What is unsafe about it.
        fault: UnsafePath,
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
    /// A group in two parts.
    #[error("{path}: files[{at}]: group {group:?} lies in {first} and in {second}")]
    Straddles {
        /// Path of the file.
        path: String,
        /// Which entry.
        at: usize,
        /// Which group.
        group: String,
        /// A part.
        first: Part,
        /// Another.
        second: Part,
    },
    /// The same image in two parts.
    #[error("{path}: files[{at}]: {second} has the same bytes as {first}, which lies in another part")]
    SameImage {
        /// Path of the file.
        path: String,
        /// Which entry.
        at: usize,
        /// The earlier image.
        first: String,
        /// This one.
        second: String,
    },
    /// Edited or cut short.
    #[error("{path} is damaged: its files give the digest {found}, but it says {said}")]
    Data {
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
    seed: u64,
    ratios: Ratios,
    stratify: bool,
    grouping: &'a GroupingRule,
    data: Sha256,
    counts: BTreeMap<Part, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    format: String,
    version: u32,
    seed: u64,
    ratios: Ratios,
    stratify: bool,
    grouping: GroupingRule,
    data: Sha256,
    #[serde(rename = "counts")]
    _counts: BTreeMap<Part, usize>,
    files: Vec<SplitFile>,
}

impl FrozenSplit {
    /// `files` in any order; paths are unique.
    pub(super) fn new(rule: (u64, Ratios, bool, GroupingRule), mut files: Vec<SplitFile>, left_out: BadLabels) -> Self {
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let (seed, ratios, stratify, grouping) = rule;
        Self { seed, ratios, stratify, grouping, data: digest(&files), files, left_out }
    }

    /// Labels that were not understood while this split was made, and so counted for no class.
    #[must_use]
    pub fn left_out(&self) -> &BadLabels {
        &self.left_out
    }

    /// Reads a frozen split and checks that it is whole: paths stay inside, no group straddles, the digest fits.
    ///
    /// # Errors
    /// When the file cannot be read or is not a sound frozen split.
    pub fn read(path: &Path) -> Result<Self, FrozenError> {
        let place = || path.display().to_string();
        let bytes = read_bounded(path, MAX_SPLIT_BYTES)?;
        let whole: Whole =
            serde_json::from_slice(&bytes).map_err(|source| FrozenError::Json { path: place(), source })?;
        if whole.format != SPLIT_FORMAT || whole.version != VERSION {
            return Err(FrozenError::Version { path: place(), format: whole.format, version: whole.version });
        }
        let mut parts: HashMap<&str, Part> = HashMap::new();
        let mut images: HashMap<Sha256, &SplitFile> = HashMap::new();
        let mut last: Option<&str> = None;
        for (at, file) in whole.files.iter().enumerate() {
            for name in std::iter::once(&file.path).chain(file.label.as_ref().map(|l| &l.path)) {
                safe_relative(name).map_err(|fault| FrozenError::Path { path: place(), at, fault })?;
            }
            if last.is_some_and(|last| last >= file.path.as_str()) {
                return Err(FrozenError::Order { path: place(), at, name: file.path.clone() });
            }
            last = Some(&file.path);
            let first = *parts.entry(&file.group).or_insert(file.part);
            if first != file.part {
                let (group, second) = (file.group.clone(), file.part);
                return Err(FrozenError::Straddles { path: place(), at, group, first, second });
            }
            let first = *images.entry(file.sha256).or_insert(file);
            if first.part != file.part {
                let (first, second) = (first.path.clone(), file.path.clone());
                return Err(FrozenError::SameImage { path: place(), at, first, second });
            }
        }
        let found = digest(&whole.files);
        if found != whole.data {
            return Err(FrozenError::Data { path: place(), said: whole.data, found });
        }
        let Whole { seed, ratios, stratify, grouping, data, files, .. } = whole;
        Ok(Self { seed, ratios, stratify, grouping, data, files, left_out: BadLabels::default() })
    }

    /// Writes the split beside `path`, then renames it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let head = Head {
            format: SPLIT_FORMAT,
            version: VERSION,
            seed: self.seed,
            ratios: self.ratios,
            stratify: self.stratify,
            grouping: &self.grouping,
            data: self.data,
            counts: self.counts(),
        };
        write_atomic(path, |writer| write_rows(writer, &head, "files", self.files.iter()))
    }

    /// The images of a part, sorted by path. Join `path` and `label.path` to the data set's folder to open them.
    pub fn files(&self, part: Part) -> impl Iterator<Item = &SplitFile> {
        self.files.iter().filter(move |file| file.part == part)
    }

    /// All images, sorted by path.
    #[must_use]
    pub fn all_files(&self) -> &[SplitFile] {
        &self.files
    }

    /// What is frozen about an image.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&SplitFile> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|at| &self.files[at])
    }

    /// The part of an image.
    #[must_use]
    pub fn part_of(&self, path: &str) -> Option<Part> {
        self.file(path).map(|file| file.part)
    }

    /// Digest of the data: the Merkle root over all images and label files of the split.
    #[must_use]
    pub fn data(&self) -> Sha256 {
        self.data
    }

    /// Number of images in each part.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Part, usize> {
        Part::ALL.into_iter().map(|part| (part, self.files(part).count())).collect()
    }

    /// The seed it was made with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The ratios it aims at.
    #[must_use]
    pub fn ratios(&self) -> Ratios {
        self.ratios
    }

    /// Whether classes were balanced.
    #[must_use]
    pub fn is_stratified(&self) -> bool {
        self.stratify
    }

    /// How images were grouped.
    #[must_use]
    pub fn grouping(&self) -> &GroupingRule {
        &self.grouping
    }
}

/// Merkle root over images and labels, in order of the images' paths. A label shared by two images counts twice.
fn digest(files: &[SplitFile]) -> Sha256 {
    let mut builder = Builder::default();
    for file in files {
        // Sizes are not kept in a split; the digest already depends on them.
        builder.push(Kind::File, &file.path, 0, &file.sha256);
        if let Some(label) = &file.label {
            builder.push(Kind::File, &label.path, 0, &label.sha256);
        }
    }
    builder.root()
}
