//! Folders to work on.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder in the pictures for development, or `None` (said aloud) when they are not here. In CI they must be.
pub(crate) fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SHELF_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "SHELF_DATA has no {folder}, and this is CI");
    eprintln!("SKIPPED: {} is missing; set SHELF_DATA to the folder of development pictures", path.display());
    None
}

/// Writes files, with the folders above them.
pub(crate) fn write(root: &Path, files: &[(&str, &[u8])]) {
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
