//! What lies in an ImageFolder.

use std::fs;
use std::path::{Path, PathBuf};

use vision::files::{composed, is_hidden};

use super::super::error::MAX_CODE_BYTES;
use super::EnrolError;
use super::report::{SkipReason, Skipped};

/// The SKU folders of an ImageFolder.
#[derive(Debug, Default)]
pub struct Listing {
    /// By name.
    pub skus: Vec<SkuFolder>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
}

/// One SKU folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuFolder {
    /// Its name.
    pub code: String,
    /// Regular files in it, by name. What they are is not known yet.
    pub files: Vec<PathBuf>,
}

/// Lists `root` one level deep. Hidden entries and what systems leave behind ([`is_hidden`]) are passed over; links are followed
/// only where they stay inside `root`.
///
/// # Errors
/// When `root` cannot be read or has no SKU folders.
pub fn list(root: &Path) -> Result<Listing, EnrolError> {
    let real_root = root.canonicalize().map_err(|source| EnrolError::Io { path: root.to_owned(), source })?;
    let mut listing = Listing::default();
    for path in entries(root)? {
        match kind(&path, &real_root) {
            Kind::Folder => match code(&path) {
                Some(code) => listing.list_sku(code, &path, &real_root)?,
                None => listing.skip(path, SkipReason::Name),
            },
            Kind::File => listing.skip(path, SkipReason::BesideFolders),
            Kind::Other(reason) => listing.skip(path, reason),
        }
    }
    if listing.skus.is_empty() {
        return Err(EnrolError::NoSkuFolders { root: root.to_owned() });
    }
    Ok(listing)
}

impl Listing {
    fn list_sku(&mut self, code: String, folder: &Path, real_root: &Path) -> Result<(), EnrolError> {
        let mut files = Vec::new();
        for path in entries(folder)? {
            match kind(&path, real_root) {
                Kind::File => files.push(path),
                Kind::Folder => self.skip(path, SkipReason::Nested),
                Kind::Other(reason) => self.skip(path, reason),
            }
        }
        self.skus.push(SkuFolder { code, files });
        Ok(())
    }

    fn skip(&mut self, path: PathBuf, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }
}

enum Kind {
    Folder,
    File,
    Other(SkipReason),
}

fn kind(path: &Path, real_root: &Path) -> Kind {
    let outside = |path: &Path| path.canonicalize().map(|real| !real.starts_with(real_root));
    let is_link = fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_symlink());
    if is_link {
        match outside(path) {
            Ok(false) => {}
            Ok(true) => return Kind::Other(SkipReason::OutsideTree),
            Err(error) => return Kind::Other(SkipReason::Unreadable(error)),
        }
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Kind::Folder,
        Ok(metadata) if metadata.is_file() => Kind::File,
        Ok(_) => Kind::Other(SkipReason::NotAFile),
        Err(error) => Kind::Other(SkipReason::Unreadable(error)),
    }
}

/// Visible entries by name: the order of a directory is the file system's whim.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, EnrolError> {
    let io_error = |source| EnrolError::Io { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error)? {
        let entry = entry.map_err(io_error)?;
        if !is_hidden(&entry.file_name().to_string_lossy()) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn code(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let sound = name.len() <= MAX_CODE_BYTES && !name.chars().any(|c| c.is_control() || c == '\\');
    sound.then(|| composed(name))
}
