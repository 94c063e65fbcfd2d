//! Model files: read with a bound, written beside and renamed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use vision::files::replace;

use crate::EngineError;

/// The whole file at `path`.
///
/// # Errors
/// [`EngineError::Load`] when it cannot be read, is no regular file, is empty, or is larger than `max` bytes.
pub(crate) fn read(path: &Path, max: u64) -> Result<Vec<u8>, EngineError> {
    let load = |reason: String| EngineError::Load { path: path.to_owned(), reason };
    let unreadable = |error: io::Error| load(unreadable(&error));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(load("it is not a regular file; give the path of a model file".to_owned()));
    }
    let len = about.len();
    check_len(len, max).map_err(load)?;
    // The length is a hint only: the file may grow while it is read.
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    check_len(bytes.len() as u64, max).map_err(load)?;
    Ok(bytes)
}

/// Why a model of `len` bytes is refused.
pub(crate) fn check_len(len: u64, max: u64) -> Result<(), String> {
    if len == 0 {
        return Err("it is empty; copy or export it again".to_owned());
    }
    if len > max {
        return Err(format!(
            "it has {len} bytes, more than the limit of {max}; raise the limit if it is meant to be used"
        ));
    }
    Ok(())
}

fn unreadable(error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "check the path in the configuration",
        io::ErrorKind::PermissionDenied => "give this user the right to read it",
        _ => "check the disk it is on",
    };
    format!("{error}; {remedy}")
}

/// Writes the file at `path` so that readers see the old one or the new one, whole.
///
/// # Errors
/// [`EngineError::Save`]. Nothing is left beside `path` then.
pub(crate) fn write(path: &Path, parts: &[&[u8]]) -> Result<(), EngineError> {
    replace(path, parts).map_err(|source| EngineError::Save { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn reads_within_the_bound_and_says_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.bin");
        let reason = |result: Result<Vec<u8>, EngineError>| result.unwrap_err().to_string();
        assert!(reason(read(&path, 10)).contains("check the path"));
        assert!(reason(read(folder.path(), 10)).contains("not a regular file"));
        fs::write(&path, b"").unwrap();
        assert!(reason(read(&path, 10)).contains("empty"));
        fs::write(&path, b"0123456789a").unwrap();
        assert!(reason(read(&path, 10)).contains("limit of 10"));
        assert_eq!(read(&path, 11).unwrap(), b"0123456789a");
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("missing").join("model.bin");
        assert!(matches!(write(&nowhere, &[b"x"]), Err(EngineError::Save { .. })));
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(matches!(write(&taken, &[b"x"]), Err(EngineError::Save { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let path = folder.path().join("model.bin");
        write(&path, &[b"old"]).unwrap();
        write(&path, &[b"n", b"ew"]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
