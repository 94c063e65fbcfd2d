//! Answers in a file, a line each, so that a run that was cut off goes on: `shelf recognize --answers`.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use vision::Sha256;

/// Answers of the runs before, and where those of this one go.
pub(crate) struct AnswerFile {
    path: PathBuf,
    file: File,
    /// Photos that are answered, by their path.
    known: HashMap<String, Sha256>,
}

/// What is read of a line.
#[derive(Deserialize)]
struct Known {
    file: String,
    image: KnownImage,
    release: Value,
}

#[derive(Deserialize)]
struct KnownImage {
    sha256: Sha256,
}

/// The longest line that is read: an answer of a thousand facings with their candidates.
const MAX_LINE: usize = 64 << 20;

impl AnswerFile {
    /// Opens or makes it. A last line that was not written to its end is cut off. `release` is what answers of this run will say of
    /// themselves: those of another are not gone on with.
    pub(crate) fn open(path: &Path, release: &Value) -> anyhow::Result<Self> {
        let open = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = open.with_context(|| format!("{} cannot be opened", path.display()))?;
        if file.try_lock().is_err() {
            bail!("another run writes into {}", path.display());
        }
        let mut known = HashMap::new();
        let mut reader = BufReader::new(&file);
        let (mut whole, mut line) = (0, Vec::new());
        for number in 1.. {
            line.clear();
            let read = std::io::Read::take(&mut reader, MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
            let read = read.with_context(|| format!("{} cannot be read", path.display()))?;
            if read == 0 || line.last() != Some(&b'\n') && line.len() <= MAX_LINE {
                break;
            }
            let answer: Known = serde_json::from_slice(&line).map_err(|error| {
                anyhow::anyhow!("{}, line {number}: this is no answer of `shelf recognize` ({error})", path.display())
            })?;
            if answer.release != *release {
                bail!(
                    "{}, line {number} was answered by {}, and this run would answer by {release}; name another file",
                    path.display(),
                    answer.release
                );
            }
            known.insert(answer.file, answer.image.sha256);
            whole += read as u64;
        }
        drop(reader);
        file.set_len(whole).with_context(|| format!("{} cannot be cut", path.display()))?;
        (&file).seek(SeekFrom::End(0))?;
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// Whether this photo is answered, as it is now.
    pub(crate) fn has(&self, photo: &Path) -> bool {
        let known = self.known.get(&photo.display().to_string());
        known.is_some_and(|digest| Sha256::of_file(photo).is_ok_and(|now| now == *digest))
    }

    /// Appends lines; when this returns they are on disk.
    pub(crate) fn append(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("{} cannot be written", self.path.display()))
    }
}
