//! Whether a folder still is what a split was frozen for.

use std::collections::BTreeSet;

use serde::Serialize;
use thiserror::Error;
use vision::Sha256;

use super::sample::digests;
use super::{FrozenSplit, Part};
use crate::hash::HashError;
use crate::layout::DataFolder;
use crate::progress::Progress;

/// A difference between a frozen split and the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Disagreement {
    /// A frozen image is gone.
    #[error("{path} ({part}) is gone")]
    Missing {
        /// Path of the file or folder.
        path: String,
        /// Its part.
        part: Part,
    },
    /// A frozen image has another content.
    #[error("{path} ({part}) is another image now")]
    #[serde(rename = "picture_changed")]
    ImageChanged {
        /// Path of the file or folder.
        path: String,
        /// Its part.
        part: Part,
    },
    /// A label file has another content, is gone, or is new.
    #[error("{path} ({part}): its label file {label} is {how}")]
    LabelChanged {
        /// The image.
        path: String,
        /// Its part.
        part: Part,
        /// The label file.
        label: String,
        /// In which way.
        how: LabelChange,
    },
    /// An image is not in the split.
    #[error("{path} is in no part: extend the split")]
    New {
        /// Path of the file or folder.
        path: String,
    },
}

/// What happened to a label file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelChange {
    /// Another content.
    Changed,
    /// Gone.
    Gone,
    /// Was not there.
    New,
}

impl std::fmt::Display for LabelChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::New => "new",
        })
    }
}

impl Disagreement {
    /// Whether a frozen image is gone or another (and not only labels changed or images came).
    #[must_use]
    pub const fn is_about_a_frozen_image(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::ImageChanged { .. })
    }

    /// Whether only a label file changed.
    #[must_use]
    pub const fn is_about_a_label(&self) -> bool {
        matches!(self, Self::LabelChanged { .. })
    }
}

/// An image as found: path, digest, and (when labels matter) its label file.
type Found<'a> = (&'a str, Sha256, Option<Option<(&'a str, Sha256)>>);

impl FrozenSplit {
    /// Every disagreement between the split and the folder, sorted by kind and path. None means: the same images, the same
    /// bytes, the same labels.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn verify(&self, data: &DataFolder, progress: &dyn Progress) -> Result<Vec<Disagreement>, HashError> {
        let digests = digests(data, progress)?;
        let found = data.images.iter().zip(&digests).map(|(image, (sha256, label))| {
            let label = label.as_ref().map(|(path, sha256)| (path.as_str(), *sha256));
            (image.path.as_str(), *sha256, Some(label))
        });
        Ok(self.disagreements(found))
    }

    pub(super) fn disagreements<'a>(&self, found: impl Iterator<Item = Found<'a>>) -> Vec<Disagreement> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        for (path, sha256, label) in found {
            let Some(file) = self.file(path) else {
                all.push(Disagreement::New { path: path.to_owned() });
                continue;
            };
            seen.insert(path);
            if file.sha256 != sha256 {
                all.push(Disagreement::ImageChanged { path: path.to_owned(), part: file.part });
            }
            let frozen_label = file.label.as_ref().map(|l| (l.path.as_str(), l.sha256));
            let change = match (frozen_label, label) {
                (_, None) => None,
                (Some((was, old)), Some(Some((is, new)))) => {
                    (was != is || old != new).then_some((is, LabelChange::Changed))
                }
                (Some((was, _)), Some(None)) => Some((was, LabelChange::Gone)),
                (None, Some(Some((is, _)))) => Some((is, LabelChange::New)),
                (None, Some(None)) => None,
            };
            if let Some((label, how)) = change {
                let (path, label) = (path.to_owned(), label.to_owned());
                all.push(Disagreement::LabelChanged { path, part: file.part, label, how });
            }
        }
        let gone = self.all_files().iter().filter(|file| !seen.contains(file.path.as_str()));
        all.extend(gone.map(|file| Disagreement::Missing { path: file.path.clone(), part: file.part }));
        all.sort_unstable();
        all
    }
}
