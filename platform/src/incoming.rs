//! A file that arrives: on disk, never larger than it may be, gone when it is dropped.

use std::io::{Read as _, Seek as _};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::OwnedSemaphorePermit;

use crate::error::PlatformError;
use crate::format::{self, Format};

/// A file that arrives.
#[derive(Debug)]
pub struct Incoming {
    file: tokio::fs::File,
    bytes: u64,
    limit: u64,
    _place: OwnedSemaphorePermit,
}

impl Incoming {
    /// An empty file without a name: whatever becomes of this process, nothing is left.
    pub(crate) async fn begin(limit: u64, place: OwnedSemaphorePermit) -> Result<Self, PlatformError> {
        let file = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(|_| PlatformError::Inside)??;
        Ok(Self { file: tokio::fs::File::from_std(file), bytes: 0, limit, _place: place })
    }

    /// The next piece.
    ///
    /// # Errors
    /// When more comes than may, or the disk is full.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), PlatformError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.limit {
            return Err(PlatformError::TooLarge { limit: self.limit });
        }
        Ok(self.file.write_all(piece).await?)
    }

    /// The file from its beginning and what it is, when its first bytes are not those of something that is not read.
    pub(crate) async fn finish(mut self) -> Result<(std::fs::File, Format), PlatformError> {
        self.file.flush().await?;
        let mut file = self.file.into_std().await;
        let look = move || {
            let mut head = Vec::with_capacity(format::HEAD);
            file.rewind()?;
            (&mut file).take(format::HEAD as u64).read_to_end(&mut head)?;
            file.rewind()?;
            Ok((file, format::of(&head)?))
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| PlatformError::Inside)?
    }
}
