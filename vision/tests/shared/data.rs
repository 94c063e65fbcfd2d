//! The development data, which are no part of the repository: the tests of every crate that looks at them include this file.

use std::path::{Path, PathBuf};

/// A file or folder of them: below `SHELF_DATA`, or `../shared/data` beside the workspace. `None`, said aloud, where it is not
/// there; with `CI=true` that is a failure.
pub(crate) fn shared_data(relative: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("SHELF_DATA").map_or_else(beside, PathBuf::from).join(relative);
    if path.exists() {
        return Some(path);
    }
    let missing = format!("{} is missing; set SHELF_DATA to the folder of development data", path.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("SKIPPED: {missing}");
    None
}
