//! Writing that shows its result whole or not at all: beside first, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::FileError;

/// A name in the folder of `target` that nothing else uses: `.NAME.partial-PID-N`.
fn beside(target: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.partial-{}-{number}", std::process::id()))
}

/// Writes a file beside `path`, flushes it to disk, and renames it over `path`. Folders above are created. When anything
/// fails, `path` is as it was and the partial file is removed.
///
/// # Errors
/// When the folder cannot be written or `write` fails.
pub fn write_atomic(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), FileError> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(FileError::write(folder))?;
    }
    let partial = beside(path);
    let written = (|| {
        let mut writer = BufWriter::with_capacity(1 << 16, File::create_new(&partial)?);
        write(&mut writer)?;
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&partial, path)
    })();
    written.map_err(|source| {
        // Best effort: the first error is the one worth telling.
        let _ = fs::remove_file(&partial);
        FileError::Write { path: path.to_owned(), source }
    })
}

/// A folder in the making. It appears under its name only by [`FolderDraft::commit`]; dropped before that, it vanishes.
#[derive(Debug)]
pub struct FolderDraft {
    target: PathBuf,
    partial: PathBuf,
}

impl FolderDraft {
    /// Starts a folder that will be `target`.
    ///
    /// # Errors
    /// When `target` already holds something, or the folder above cannot be written.
    pub fn begin(target: &Path) -> Result<Self, FileError> {
        // "out/" names the folder "out": without its last component a path has no place beside it.
        let target: PathBuf = target.components().collect();
        match fs::read_dir(&target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(FileError::Occupied { path: target });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(FileError::Occupied { path: target });
            }
            Err(error) => return Err(FileError::read(&target)(error)),
        }
        let partial = beside(&target);
        fs::create_dir_all(&partial).map_err(FileError::write(&partial))?;
        Ok(Self { target, partial })
    }

    /// Where to put the files meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Creates a file in the folder, with the folders above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.partial.join(relative);
        // Named as it will be called: the partial name means nothing to the reader.
        let wrong = |source| FileError::Write { path: self.target.join(relative), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(wrong)?;
        }
        fs::write(&path, bytes).map_err(wrong)
    }

    /// Copies a file into the folder, with the folders above it.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy(&self, source: &Path, relative: &str) -> Result<(), FileError> {
        let path = self.partial.join(relative);
        let wrong = |source| FileError::Write { path: self.target.join(relative), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(wrong)?;
        }
        fs::copy(source, &path).map(|_| ()).map_err(wrong)
    }

    /// The name it will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// When something else has taken the name meanwhile.
    pub fn commit(self) -> Result<PathBuf, FileError> {
        fs::rename(&self.partial, &self.target).map_err(FileError::write(&self.target))?;
        Ok(self.target.clone())
    }
}

impl Drop for FolderDraft {
    fn drop(&mut self) {
        // After a commit there is nothing under this name any more.
        let _ = fs::remove_dir_all(&self.partial);
    }
}

/// Writes `head` (an object) as JSON with one more member, `name`: a list with one compact row a line. A list of 100,000
/// files stays readable, diffable and is never held as text.
pub fn write_rows<T: Serialize>(
    writer: &mut impl Write,
    head: &impl Serialize,
    name: &str,
    rows: impl Iterator<Item = T>,
) -> io::Result<()> {
    let head = serde_json::to_string_pretty(head)?;
    let open = head.strip_suffix("\n}").expect("an object with members ends in a line of its own");
    write!(writer, "{open},\n  \"{name}\": [")?;
    for (number, row) in rows.enumerate() {
        writer.write_all(if number == 0 { b"\n    " } else { b",\n    " })?;
        serde_json::to_writer(&mut *writer, &row)?;
    }
    writer.write_all(b"\n  ]\n}\n")
}
