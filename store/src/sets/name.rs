//! Sets, and how the files of each are called.

use std::fmt;

use vision::Sha256;

use crate::photos::{Day, Month};

/// A set of photos: the folder below `datasets/` and `metadata/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetName(String);

impl SetName {
    /// What was answered on a day.
    #[must_use]
    pub fn candidates(day: Day) -> Self {
        Self(format!("candidates/{day}"))
    }

    /// What people verified in a month.
    #[must_use]
    pub fn verified(month: Month) -> Self {
        Self(format!("verified/{month}"))
    }

    /// All there is to learn from at the end of a month.
    #[must_use]
    pub fn full(month: Month) -> Self {
        Self(format!("full/{month}"))
    }

    /// What somebody put there by hand.
    #[must_use]
    pub fn gold() -> Self {
        Self("gold".to_owned())
    }

    /// Everything of it but the manifest lies below.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("datasets/{self}")
    }

    /// A file of it, by its path within.
    #[must_use]
    pub fn file(&self, path: &str) -> String {
        format!("datasets/{self}/{path}")
    }

    /// What says that it is whole.
    #[must_use]
    pub fn manifest(&self) -> String {
        self.metadata("manifest.json")
    }

    /// What is said about it.
    #[must_use]
    pub fn metadata(&self, name: &str) -> String {
        format!("metadata/{self}/{name}")
    }

    /// Path of an image within a set.
    #[must_use]
    pub fn image(photo: Sha256, extension: &str) -> String {
        format!("images/{}/{photo}.{extension}", prefix(photo, 2))
    }

    /// Path of the labels of photos whose digests begin so.
    #[must_use]
    pub fn labels(prefix: &str) -> String {
        format!("labels/{prefix}.jsonl")
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first digits of a digest.
#[must_use]
pub fn prefix(photo: Sha256, digits: usize) -> String {
    let mut text = photo.to_string();
    text.truncate(digits);
    text
}
