//! Where photos and data sets lie beside the images of the review queue.

use std::sync::OnceLock;

use super::{Files, S3Access};
use crate::error::StoreError;
use crate::store::StoreSettings;

/// Names of buckets on S3, of folders elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// `STYLE_PHOTO_BUCKET`: photos as they came.
    pub photos: String,
    /// `ML_ARTIFACTS_BUCKET`: data sets, and manifests of them.
    pub artifacts: String,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { photos: "shelf-photos".to_owned(), artifacts: "ml-artifacts".to_owned() }
    }
}

/// Both, opened when they are first needed.
#[derive(Debug)]
pub(crate) struct OpenBuckets {
    place: String,
    access: S3Access,
    names: Buckets,
    photos: OnceLock<Files>,
    artifacts: OnceLock<Files>,
}

impl OpenBuckets {
    pub(crate) fn of(settings: &StoreSettings) -> Self {
        Self {
            place: settings.objects.clone(),
            access: settings.s3.clone(),
            names: settings.buckets.clone(),
            photos: OnceLock::new(),
            artifacts: OnceLock::new(),
        }
    }

    pub(crate) fn photos(&self) -> Result<&Files, StoreError> {
        self.open(&self.photos, "STYLE_PHOTO_BUCKET", &self.names.photos)
    }

    pub(crate) fn artifacts(&self) -> Result<&Files, StoreError> {
        self.open(&self.artifacts, "ML_ARTIFACTS_BUCKET", &self.names.artifacts)
    }

    fn open<'a>(&self, cell: &'a OnceLock<Files>, setting: &'static str, name: &str) -> Result<&'a Files, StoreError> {
        if let Some(files) = cell.get() {
            return Ok(files);
        }
        if !is_bucket(name) {
            let reason = "it must have 3 to 63 characters: small letters, digits, dots, hyphens".to_owned();
            return Err(StoreError::Setting { setting, value: crate::error::shorten(name), reason });
        }
        let opened = Files::open(&self.place, name, &self.access)?;
        Ok(cell.get_or_init(|| opened))
    }
}

/// As S3 names buckets: no way out of a folder either.
fn is_bucket(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_bucket;

    #[test]
    fn buckets_have_the_names_of_buckets() {
        for (name, sound) in [
            ("shelf-photos", true),
            ("ml.artifacts2", true),
            ("ab", false),
            ("../shelf", false),
            ("a..b", false),
            ("Shelf", false),
            ("shelf/photos", false),
            ("-shelf", false),
            ("", false),
        ] {
            assert_eq!(is_bucket(name), sound, "{name}");
        }
    }
}
