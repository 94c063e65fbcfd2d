//! Reading files whose size is not to be trusted.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that cannot be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system refuses to read it.
    #[error("cannot read {path}")]
    Read {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The operating system refuses to write it.
    #[error("cannot write {path}")]
    Write {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Larger than such a file may be.
    #[error("{path} is larger than {limit} bytes, the most that is read of such a file")]
    TooLarge {
        /// Path of the file or folder.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Text is expected.
    #[error("{path}:{line}: not UTF-8 text: save it as UTF-8")]
    NotText {
        /// Path of the file or folder.
        path: PathBuf,
        /// Line of the first bad byte, from 1.
        line: u32,
    },
    /// A folder that is to be created already holds something.
    #[error("{path} exists and is not an empty folder: name a new one, or remove it first")]
    Occupied {
        /// Path of the file or folder.
        path: PathBuf,
    },
}

impl FileError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

/// The bytes of a regular file of at most `limit` bytes. Never waits on a pipe or device.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    // Looked at before opening: opening a named pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(FileError::read(path))?;
    if !metadata.is_file() {
        return Err(FileError::read(path)(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let too_large = || FileError::TooLarge { path: path.to_owned(), limit };
    if metadata.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    let file = File::open(path).map_err(FileError::read(path))?;
    // The file may have grown since: the limit is enforced on what is read.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(FileError::read(path))?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}
