//! Images of exemplars in folders.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use vision::files::{WalkError, is_hidden};
use vision::{DecodeLimits, Sha256};

use super::super::data::Exemplar;
use super::super::enrol::{SkipReason, Skipped};
use super::{ImageSource, LossReason};

/// Images in folders, found by their content: they may have been moved or renamed since they were enrolled.
#[derive(Debug)]
pub struct FolderImages {
    roots: Vec<PathBuf>,
    by_digest: HashMap<Sha256, PathBuf>,
    skipped: Vec<Skipped>,
    max_bytes: usize,
}

impl FolderImages {
    /// Reads all files below `roots` once, to know their content. Links are not followed. What cannot be read is passed over,
    /// as enrolment does: it may be no image at all.
    ///
    /// # Errors
    /// When one of `roots` is no folder or cannot be listed.
    pub fn open(roots: &[PathBuf], limits: &DecodeLimits) -> Result<Self, WalkError> {
        let mut images =
            Self { roots: roots.to_vec(), by_digest: HashMap::new(), skipped: Vec::new(), max_bytes: limits.max_bytes };
        for root in roots {
            if !fs::metadata(root).map_err(|source| unlisted(root, source))?.is_dir() {
                return Err(WalkError::NotAFolder { path: root.clone() });
            }
            let files = images.files_below(root)?;
            let digests: Vec<_> = files.par_iter().map(|path| Sha256::of_file(path)).collect();
            for (path, digest) in files.into_iter().zip(digests) {
                match digest {
                    Ok(digest) => {
                        images.by_digest.entry(digest).or_insert(path);
                    }
                    Err(error) => images.skip(path, SkipReason::Unreadable(error)),
                }
            }
        }
        Ok(images)
    }

    /// What was passed over, and why.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Regular files in order of their paths: of equal ones the first is taken, whatever the file system's order.
    fn files_below(&mut self, root: &Path) -> Result<Vec<PathBuf>, WalkError> {
        let mut files = Vec::new();
        let mut pending = vec![root.to_owned()];
        while let Some(folder) = pending.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if folder == root => return Err(unlisted(root, error)),
                Err(error) => {
                    self.skip(folder, SkipReason::Unreadable(error));
                    continue;
                }
            };
            for entry in entries {
                // Of the entry itself, not of what a link leads to.
                let found = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
                match found {
                    Ok((path, _)) if path.file_name().and_then(|name| name.to_str()).is_some_and(is_hidden) => {}
                    Ok((path, kind)) if kind.is_dir() => pending.push(path),
                    Ok((path, kind)) if kind.is_file() => files.push(path),
                    Ok((_, kind)) if kind.is_symlink() => {}
                    Ok((path, _)) => self.skip(path, SkipReason::NotAFile),
                    Err(error) => self.skip(folder.clone(), SkipReason::Unreadable(error)),
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    fn skip(&mut self, path: PathBuf, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }
}

impl ImageSource for FolderImages {
    fn fetch(&self, exemplar: &Exemplar) -> Result<Vec<u8>, LossReason> {
        if let Some(path) = self.by_digest.get(&exemplar.sha256).cloned() {
            return match read(&path, self.max_bytes) {
                Ok(bytes) if bytes.len() > self.max_bytes => Err(LossReason::TooLarge { path, limit: self.max_bytes }),
                Ok(bytes) if Sha256::of(&bytes) == exemplar.sha256 => Ok(bytes),
                // It was written to since it was looked at.
                Ok(_) => Err(LossReason::Changed { path }),
                Err(source) => Err(LossReason::Unreadable { path, source }),
            };
        }
        let there = self.roots.iter().map(|root| root.join(&exemplar.origin)).find(|path| path.is_file());
        let Some(path) = there else { return Err(LossReason::Missing) };
        match File::open(&path) {
            Ok(_) => Err(LossReason::Changed { path }),
            Err(source) => Err(LossReason::Unreadable { path, source }),
        }
    }
}

/// One byte past the limit at most, which is enough to see that there is too much.
fn read(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unlisted(path: &Path, source: io::Error) -> WalkError {
    WalkError::List { path: path.to_owned(), source }
}
