//! Files by name: photos as they came, and the data sets that are made of them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use vision::secret::redacted;

use super::{S3Access, s3};
use crate::error::StoreError;

/// A bucket, or a folder in its place. Names are relative, with `/`.
#[derive(Debug, Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    place: String,
    folder: Option<std::path::PathBuf>,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name.
    pub name: String,
    /// Size.
    pub bytes: u64,
}

impl Files {
    /// The bucket of that name where images lie on S3; the folder of that name below `place` where they lie in one.
    pub(crate) fn open(place: &str, bucket: &str, access: &S3Access) -> Result<Self, StoreError> {
        if place.starts_with("s3://") {
            let place = format!("s3://{bucket}");
            let store = s3::open(&place, bucket, access)?;
            return Ok(Self { store, place: redacted(&place), folder: None });
        }
        let folder = std::path::Path::new(place.strip_prefix("file://").unwrap_or(place)).join(bucket);
        std::fs::create_dir_all(&folder).map_err(StoreError::objects)?;
        // A manifest must not outlive what it names in a power cut.
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(StoreError::objects)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), place: folder.display().to_string(), folder: Some(folder) })
    }

    /// Where the files lie, for people.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Writes a file: whole or not at all. What is there under that name is replaced.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.store.put(&Path::from(name), bytes.into()).await.map(drop).map_err(StoreError::objects)
    }

    /// Reads a file of at most `max` bytes; `None` when there is none.
    ///
    /// # Errors
    /// When it is larger, or the place cannot be read.
    pub async fn get(&self, name: &str, max: u64) -> Result<Option<Bytes>, StoreError> {
        let answer = match self.store.get(&Path::from(name)).await {
            Ok(answer) => answer,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(StoreError::objects(error)),
        };
        let too_large = |bytes: u64| StoreError::invalid("file", format!("{name} ({bytes} bytes)"), limit(max));
        if answer.meta.size > max {
            return Err(too_large(answer.meta.size));
        }
        // A place may promise less than it sends.
        let (mut all, mut pieces) = (Vec::with_capacity(answer.meta.size as usize), answer.into_stream());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(StoreError::objects)?;
            if (all.len() + piece.len()) as u64 > max {
                return Err(too_large((all.len() + piece.len()) as u64));
            }
            all.extend_from_slice(&piece);
        }
        Ok(Some(all.into()))
    }

    /// Size of a file; `None` when there is none.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        match self.store.head(&Path::from(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::objects(error)),
        }
    }

    /// Copies a file within the place, without its bytes coming here. Says whether it was there.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub async fn copy(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        match self.store.copy(&Path::from(from), &Path::from(to)).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(StoreError::objects(error)),
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        match self.store.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::objects(error)),
        }
    }

    /// Files below a name, one after the other, in no order: never all of them in memory.
    pub fn list(&self, below: &str) -> impl Stream<Item = Result<StoredFile, StoreError>> + Send + use<> {
        let prefix = Path::from(below);
        self.store.list(Some(&prefix)).map(|entry| {
            let entry = entry.map_err(StoreError::objects)?;
            Ok(StoredFile { name: entry.location.to_string(), bytes: entry.size })
        })
    }

    /// Removes what a process that was killed left beside files it was writing below a name. S3 leaves nothing. Only for
    /// who alone writes there. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn tidy(&self, below: &str) -> Result<u64, StoreError> {
        let Some(folder) = &self.folder else { return Ok(0) };
        let mut removed = 0;
        let mut folders = vec![folder.join(below)];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(StoreError::objects(error)),
            };
            for entry in entries {
                let entry = entry.map_err(StoreError::objects)?;
                if entry.file_type().map_err(StoreError::objects)?.is_dir() {
                    folders.push(entry.path());
                } else if is_draft(&entry.file_name().to_string_lossy()) {
                    std::fs::remove_file(entry.path()).map_err(StoreError::objects)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// How files are called until they are whole: `NAME#1`.
fn is_draft(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn limit(max: u64) -> String {
    format!("at most {max} bytes")
}

#[cfg(test)]
mod tests {
    use super::is_draft;

    #[test]
    fn drafts_are_told_from_files() {
        for (name, draft) in [("a.jpg#1", true), ("a.jpg#17", true), ("a.jpg", false), ("a#b", false), ("a#", false)] {
            assert_eq!(is_draft(name), draft, "{name}");
        }
    }
}
