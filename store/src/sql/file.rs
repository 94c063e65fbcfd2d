//! Whether SQLite's file is still the one that was opened.
//!
//! A file that was removed lives on for those who have it open: everything could be written to it, and nothing would be left
//! when the process ends. So its name is looked up before a change and after it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::error::StoreError;

/// The file behind an open database.
#[derive(Debug, Clone)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
}

/// Which file a name stands for: device and number on it.
type Identity = (u64, u64);

/// The name stands for no file, or for another.
#[derive(Debug, Error)]
#[error("the file {} was removed or replaced while it was open; put it back, or start anew with what is there", path.display())]
struct FileGone {
    path: PathBuf,
    #[source]
    why: Option<std::io::Error>,
}

impl DatabaseFile {
    /// The file that has just been opened.
    pub(super) fn opened(path: &str) -> Result<Self, StoreError> {
        let path = PathBuf::from(path);
        let identity = identity(&path).map_err(StoreError::database)?;
        Ok(Self { path, identity })
    }

    /// A look-up of the name: microseconds.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let why = match identity(&self.path) {
            Ok(found) if found == self.identity => return Ok(()),
            Ok(_) => None,
            Err(error) => Some(error),
        };
        Err(StoreError::database(FileGone { path: self.path.clone(), why }))
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path)?;
    Ok((about.dev(), about.ino()))
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<Identity> {
    std::fs::metadata(path).map(|_| (0, 0))
}
