//! SHA-256 of many files at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::Digest as _;
use thiserror::Error;
use vision::Sha256;

use crate::Progress;
use crate::files::{WalkError, to_native};

/// What is known of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigest {
    /// Bytes read.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256,
}

/// Why a folder has no digest.
#[derive(Debug, Error)]
pub enum HashError {
    /// It cannot be listed.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A name that no manifest can hold.
    #[error("the file name {path:?} is not UTF-8: rename it")]
    Unnamed {
        /// Path of the file or folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {path}{}", and_others(*.others))]
    Unreadable {
        /// The first such file, in order of paths.
        path: PathBuf,
        /// How many more there are.
        others: usize,
        /// Why this one.
        source: io::Error,
    },
}

fn and_others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and another file)".to_owned(),
        n => format!(" (and {n} other files)"),
    }
}

/// Bytes read at a time by each thread. With the thread count this bounds the memory, whatever the files' sizes.
const PIECE: usize = 256 << 10;

/// Hashes files on all threads; answers are in the order of `paths`. One step a file goes to `progress`.
///
/// # Errors
/// Names the first unreadable file, after all have been tried.
pub fn hash_files<P: AsRef<str> + Sync>(
    root: &Path,
    paths: &[P],
    progress: &dyn Progress,
) -> Result<Vec<FileDigest>, HashError> {
    progress.begin("hashing", paths.len() as u64);
    let results: Vec<Result<FileDigest, io::Error>> = paths
        .par_iter()
        .map_init(
            || vec![0; PIECE],
            |piece, path| {
                let digest = hash_file(&root.join(to_native(path.as_ref())), piece);
                progress.advance(1);
                digest
            },
        )
        .collect();
    let failed = results.iter().filter(|r| r.is_err()).count();
    paths
        .iter()
        .zip(results)
        .map(|(path, result)| {
            result.map_err(|source| HashError::Unreadable {
                path: root.join(to_native(path.as_ref())),
                others: failed - 1,
                source,
            })
        })
        .collect()
}

fn hash_file(path: &Path, piece: &mut [u8]) -> io::Result<FileDigest> {
    let mut file = File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut size = 0;
    loop {
        match file.read(piece) {
            Ok(0) => return Ok(FileDigest { size, sha256: Sha256(hasher.finalize().into()) }),
            Ok(read) => {
                hasher.update(&piece[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
