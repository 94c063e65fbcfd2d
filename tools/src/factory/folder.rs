//! What a run writes: a folder named by the data set and by everything that decides what comes out, so that a run that was
//! killed is found again, and is the same.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use train::core::RunFolder;
use vision::Sha256;
use vision::files::{read_bounded, write_atomic};

use super::config::TrainConfig;

/// The folder of a run.
#[derive(Debug)]
pub(super) struct Folder {
    run: RunFolder,
    /// When the run began; later parts of it say the same.
    pub(super) began: String,
}

/// `run.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    began: String,
    dataset: String,
    sha256: Sha256,
    config: TrainConfig,
}

impl Folder {
    /// The folder of this data set and configuration; it is made when there is none.
    ///
    /// # Errors
    /// When it cannot be made, or is another run's.
    pub(super) fn open(root: &Path, (dataset, sha256): (&str, Sha256), config: &TrainConfig) -> anyhow::Result<Self> {
        let text = serde_json::to_string(config)?;
        let parts: [&[u8]; 3] = [dataset.as_bytes(), &sha256.0, text.as_bytes()];
        let name = format!("{dataset}-{}", Sha256::of_parts(&parts).short());
        let path = root.join(name);
        fs::create_dir_all(path.join("weights")).with_context(|| format!("cannot make {}", path.display()))?;
        let about = path.join("run.json");
        if !about.exists() {
            let run = Run { began: vision::time::now(), dataset: dataset.to_owned(), sha256, config: config.clone() };
            write_json(&about, &run)?;
        }
        let bytes = read_bounded(&about, 1 << 20)?;
        let run: Run = serde_json::from_slice(&bytes).with_context(|| format!("{} is broken", about.display()))?;
        if run.dataset != dataset || run.sha256 != sha256 || run.config != *config {
            bail!("{} is of another run: move it away", about.display());
        }
        Ok(Self { run: RunFolder::open(&path)?, began: run.began })
    }

    /// What the training loop writes into.
    pub(super) fn run(&self) -> &RunFolder {
        &self.run
    }

    /// A file of the run.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.run.path().join(name)
    }
}

/// Writes a value beside its place and renames it.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    Ok(write_atomic(path, |writer| {
        serde_json::to_writer_pretty(&mut *writer, value)?;
        writer.write_all(b"\n")
    })?)
}
