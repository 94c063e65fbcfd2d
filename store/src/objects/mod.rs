//! Images, named by their content: `objects/ab/abcdef...`. A folder by default, S3 by URL.

mod buckets;
mod files;
mod large;
mod s3;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use vision::secret::redacted;
use vision::{Secret, Sha256};

use crate::error::StoreError;

pub use buckets::Buckets;
pub(crate) use buckets::OpenBuckets;
pub use files::{Files, StoredFile};

/// Everything lies below it.
const ROOT: &str = "objects";
/// Largest image read back.
const MAX_BYTES: u64 = 1 << 30;

/// Access to S3; the environment names it, so that secrets stand in no file.
#[derive(Clone, Default)]
pub struct S3Access {
    /// `AWS_ENDPOINT_URL`: another server than Amazon's.
    pub endpoint: Option<String>,
    /// `AWS_REGION`
    pub region: Option<String>,
    /// `AWS_ACCESS_KEY_ID`
    pub key: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: Option<Secret>,
}

impl std::fmt::Debug for S3Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Access")
            .field("endpoint", &self.endpoint.as_deref().map(redacted))
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// An image's file with its name, the digest of its bytes. Hashing is work: it is done where work is done, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    digest: Sha256,
    bytes: Bytes,
}

impl NewObject {
    /// These bytes, hashed.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        Self { digest: Sha256::of(&bytes), bytes }
    }

    /// Bytes that were hashed before.
    #[must_use]
    pub fn hashed(digest: Sha256, bytes: Bytes) -> Self {
        Self { digest, bytes }
    }

    /// Its name.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl From<Bytes> for NewObject {
    fn from(bytes: Bytes) -> Self {
        Self::of(bytes)
    }
}

impl From<Vec<u8>> for NewObject {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(bytes.into())
    }
}

impl From<String> for NewObject {
    fn from(text: String) -> Self {
        Self::of(text.into())
    }
}

impl From<&'static str> for NewObject {
    fn from(text: &'static str) -> Self {
        Self::of(text.into())
    }
}

/// A place for images.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    base: Path,
    /// Of the objects themselves, below the base.
    prefix: Path,
    place: String,
}

/// An image in the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Of its bytes, which is also its name.
    pub digest: Sha256,
    /// Size.
    pub bytes: u64,
    /// When it was last written, milliseconds since 1970.
    pub written_ms: i64,
}

impl Objects {
    /// A folder (made when missing), or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// When the folder cannot be made or the URL is not understood.
    pub fn open(place: &str, access: &S3Access) -> Result<Self, StoreError> {
        match place.strip_prefix("s3://") {
            Some(rest) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let store = s3::open(place, bucket, access)?;
                let base = Path::from(prefix);
                Ok(Self { store, prefix: base.clone().join(ROOT), base, place: redacted(place) })
            }
            None if place.contains("://") && !place.starts_with("file://") => Err(StoreError::Setting {
                setting: "OBJECTS_URL",
                value: crate::error::shorten(&redacted(place)),
                reason: "it must be a folder or s3://BUCKET/PREFIX".to_owned(),
            }),
            None => {
                let folder = place.strip_prefix("file://").unwrap_or(place);
                std::fs::create_dir_all(folder).map_err(StoreError::objects)?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(StoreError::objects)?;
                // A row that names an image must not outlive it in a power cut.
                let store = Arc::new(store.with_fsync(true));
                Ok(Self { store, base: Path::default(), prefix: Path::from(ROOT), place: folder.to_owned() })
            }
        }
    }

    /// Where the images lie, for people.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Other objects in the same place, in a folder of their own.
    pub(crate) fn below(&self, folders: &[&str]) -> Self {
        let prefix = folders.iter().fold(self.base.clone(), |path, folder| path.join(*folder));
        Self { prefix, ..self.clone() }
    }

    fn path(&self, digest: Sha256) -> Path {
        let name = digest.to_string();
        self.prefix.clone().join(&name[..2]).join(name.as_str())
    }

    /// Writes an image and gives its digest. One that is there already is written again: that renews its age, so a
    /// sweep that runs at the same moment leaves it alone.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub async fn put(&self, image: NewObject) -> Result<Sha256, StoreError> {
        let NewObject { digest, bytes } = image;
        self.store.put(&self.path(digest), bytes.into()).await.map_err(StoreError::objects)?;
        Ok(digest)
    }

    /// Reads an image and holds it to its name.
    ///
    /// # Errors
    /// When it is not there, damaged, or the place cannot be read.
    pub async fn get(&self, digest: Sha256) -> Result<Bytes, StoreError> {
        let missing = || StoreError::not_found("image", digest.to_string());
        let answer = match self.store.get(&self.path(digest)).await {
            Ok(answer) if answer.meta.size <= MAX_BYTES => answer,
            Ok(_) => return Err(missing()),
            Err(object_store::Error::NotFound { .. }) => return Err(missing()),
            Err(error) => return Err(StoreError::objects(error)),
        };
        let bytes = answer.bytes().await.map_err(StoreError::objects)?;
        if Sha256::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged { what: "image", value: digest.to_string() })
        }
    }

    /// Whether an image is there, and its size.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub async fn size(&self, digest: Sha256) -> Result<Option<u64>, StoreError> {
        match self.store.head(&self.path(digest)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::objects(error)),
        }
    }

    /// Removes an image; one that is not there is no error.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub async fn delete(&self, digest: Sha256) -> Result<(), StoreError> {
        match self.store.delete(&self.path(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::objects(error)),
        }
    }

    /// All images. What has another name than a digest is not ours and is left out.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub async fn list(&self) -> Result<Vec<StoredObject>, StoreError> {
        let mut found = Vec::new();
        let mut entries = self.store.list(Some(&self.prefix));
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(StoreError::objects)?;
            let digest = entry.location.filename().and_then(|name| name.parse().ok());
            if let Some(digest) = digest {
                let written_ms = entry.last_modified.timestamp_millis();
                found.push(StoredObject { digest, bytes: entry.size, written_ms });
            }
        }
        Ok(found)
    }
}
