//! Folders to work on.

use std::fs;
use std::path::Path;

/// Writes files, with the folders above them.
pub(crate) fn write(root: &Path, files: &[(&str, &[u8])]) {
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// What people read: the error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source()).map(|cause| format!(": {cause}"));
    error.to_string() + &causes.collect::<String>()
}
