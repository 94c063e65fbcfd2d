//! Files that need not fit into memory: weights, galleries.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{ObjectStoreExt, PutPayload};
use vision::Sha256;

use super::Objects;
use crate::error::StoreError;

/// Bytes of a part; S3 takes none smaller, except the last.
const PART: usize = 8 << 20;

impl Objects {
    /// Copies a file into the place, under the digest of its content: beside, then renamed. One that is there already is left as
    /// it is.
    ///
    /// # Errors
    /// When the file cannot be read or changes meanwhile, or the place cannot be written.
    pub async fn put_file(&self, file: &Path) -> Result<(Sha256, u64), StoreError> {
        let (digest, bytes) = hashed(file).await?;
        if self.size(digest).await? == Some(bytes) {
            return Ok((digest, bytes));
        }
        let path = self.path(digest);
        let mut upload = self.store.put_multipart(&path).await.map_err(StoreError::objects)?;
        let copied = async {
            let (mut hash, mut parts) = (Hash::default(), Parts::of(file)?);
            while let Some(part) = parts.next().await? {
                hash.add(&part);
                upload.put_part(PutPayload::from(part)).await.map_err(StoreError::objects)?;
            }
            // Under this name lies this content, or nothing.
            if hash.finish() == digest { Ok(()) } else { Err(changed(file)) }
        };
        match copied.await {
            Ok(()) => upload.complete().await.map(|_| (digest, bytes)).map_err(StoreError::objects),
            Err(error) => {
                // What is left of it, the place forgets by itself.
                drop(upload.abort().await);
                Err(error)
            }
        }
    }

    /// Copies an object into a file, beside it first, and holds it to its name. What is at `target` is replaced.
    ///
    /// # Errors
    /// When it is not there, is not what its name says, or either place cannot be used.
    pub async fn get_file(&self, digest: Sha256, bytes: u64, target: &Path) -> Result<(), StoreError> {
        let damaged = || StoreError::Damaged { what: "file of a model", value: digest.to_string() };
        let answer = match self.store.get(&self.path(digest)).await {
            Ok(answer) => answer,
            Err(object_store::Error::NotFound { .. }) => return Err(StoreError::not_found("file", digest.to_string())),
            Err(error) => return Err(StoreError::objects(error)),
        };
        if answer.meta.size != bytes {
            return Err(damaged());
        }
        let mut draft = Draft::beside(target)?;
        let (mut hash, mut pieces) = (Hash::default(), answer.into_stream());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(StoreError::objects)?;
            hash.add(&piece);
            draft.write(&piece)?;
        }
        if hash.finish() != digest {
            return Err(damaged());
        }
        draft.keep(target)
    }
}

/// Digest and size of a file, worked out off the async threads.
async fn hashed(file: &Path) -> Result<(Sha256, u64), StoreError> {
    let file = file.to_owned();
    let work = move || -> std::io::Result<_> { Ok((Sha256::of_file(&file)?, std::fs::metadata(&file)?.len())) };
    tokio::task::spawn_blocking(work).await.map_err(StoreError::objects)?.map_err(unreadable)
}

/// A file, read in parts off the async threads.
struct Parts(Option<std::fs::File>);

impl Parts {
    fn of(file: &Path) -> Result<Self, StoreError> {
        std::fs::File::open(file).map(|file| Self(Some(file))).map_err(unreadable)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let Some(mut file) = self.0.take() else { return Ok(None) };
        let read = move || -> std::io::Result<_> {
            let mut part = Vec::with_capacity(PART);
            (&mut file).take(PART as u64).read_to_end(&mut part)?;
            Ok((file, part))
        };
        let (file, part) = tokio::task::spawn_blocking(read).await.map_err(StoreError::objects)?.map_err(unreadable)?;
        if part.is_empty() {
            return Ok(None);
        }
        self.0 = Some(file);
        Ok(Some(part.into()))
    }
}

fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Unavailable { what: "file", source: error.into() }
}

fn changed(file: &Path) -> StoreError {
    StoreError::invalid("file", file.display(), "left alone while it is copied")
}

/// SHA-256 of what comes in pieces.
#[derive(Default)]
struct Hash(sha2::Sha256);

impl Hash {
    fn add(&mut self, piece: &[u8]) {
        sha2::Digest::update(&mut self.0, piece);
    }

    fn finish(self) -> Sha256 {
        Sha256(sha2::Digest::finalize(self.0).into())
    }
}

/// A file beside its place; dropped before it is kept, it is gone.
struct Draft {
    path: PathBuf,
    file: Option<std::fs::File>,
}

impl Draft {
    fn beside(target: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(unreadable)?;
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", uuid::Uuid::now_v7()));
        let path = target.with_file_name(name);
        let file = std::fs::File::create_new(&path).map_err(unreadable)?;
        Ok(Self { path, file: Some(file) })
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        match &mut self.file {
            Some(file) => file.write_all(piece).map_err(unreadable),
            None => Ok(()),
        }
    }

    fn keep(mut self, target: &Path) -> Result<(), StoreError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let kept = file.sync_all().and_then(|()| std::fs::rename(&self.path, target));
        kept.map_err(|error| {
            drop(std::fs::remove_file(&self.path));
            unreadable(error)
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            drop(std::fs::remove_file(&self.path));
        }
    }
}
