//! Replacing a file so that it outlives a power cut.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes the file at `path` so that readers see the old one or the new one, whole.
///
/// # Errors
/// When it cannot be written. Nothing is left beside `path` then.
pub fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    for part in parts {
        beside.write_all(part)?;
    }
    make_readable(beside.as_file())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Temporary files are made for their owner alone; a model file is for everyone whom the folder lets in.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Writes the folder itself to disk: a rename in it outlives a power cut only then.
///
/// # Errors
/// When it cannot be opened or written.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be written to disk here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
