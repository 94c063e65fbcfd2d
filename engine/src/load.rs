//! A weights file with its card, and why it cannot be loaded: what all kinds of networks share.

use std::path::{Path, PathBuf};

use thiserror::Error;
use vision::model_card::{CardError, Task};
use vision::{ModelCard, Sha256};

use crate::{ChoiceError, EngineError, WeightsFormat};

/// Why a weights file cannot be loaded, with what to do about it. `N` is what only networks of one kind can lack.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError<N: std::error::Error + 'static> {
    /// The card cannot be read, or is another file's.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The network does something else.
    #[error("{path} is made for the task `{found}`; {} is needed", kind(*.wanted))]
    Task {
        /// Which file.
        path: PathBuf,
        /// What it is for, in a model card's or in Ultralytics' words.
        found: String,
        /// What it is loaded as.
        wanted: Task,
    },
    /// The card speaks of another network.
    #[error("the model card of {path} says {card}, but its weights are {found}: correct `architecture` in the card")]
    CardArchitecture {
        /// Which file.
        path: PathBuf,
        /// What the card says.
        card: String,
        /// What the weights are.
        found: String,
    },
    /// The engine chosen cannot run such a file.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The engine cannot open or run it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It is no network of this kind.
    #[error("{path}: {source}")]
    Network {
        /// Which file.
        path: PathBuf,
        /// What it lacks.
        source: N,
    },
}

fn kind(task: Task) -> &'static str {
    match task {
        Task::Detector => "a detector (task `detect` of Ultralytics, `detector` in a model card)",
        Task::Embedder => "an embedder",
    }
}

const fn name(task: Task) -> &'static str {
    match task {
        Task::Detector => "detector",
        Task::Embedder => "embedder",
    }
}

/// A weights file and what its card says of it.
#[derive(Debug)]
pub struct WeightsFile<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// How it is written.
    pub format: WeightsFormat,
    /// Its card, if there is one.
    pub card: Option<ModelCard>,
    task: Task,
}

impl<'a> WeightsFile<'a> {
    /// Reads the card beside `path`.
    ///
    /// # Errors
    /// When the name of the file ends in no known format, the card cannot be read, or speaks of another task.
    pub fn open<N: std::error::Error>(path: &'a Path, task: Task) -> Result<Self, LoadError<N>> {
        let file = Self { path, format: WeightsFormat::of(path)?, card: ModelCard::read_beside(path)?, task };
        match &file.card {
            Some(card) if card.task != task => Err(file.made_for(name(card.task))),
            _ => Ok(file),
        }
    }

    /// The name of the network with the digest of its weights, `name@digest`, and that digest: from the card, or else from the
    /// file itself.
    ///
    /// # Errors
    /// When a file without a card cannot be read.
    pub fn identity(&self) -> Result<(String, Sha256), CardError> {
        if let Some(card) = &self.card {
            return Ok((format!("{}@{}", card.name, card.sha256.short()), card.sha256));
        }
        let digest =
            Sha256::of_file(self.path).map_err(|source| CardError::Io { path: self.path.to_owned(), source })?;
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        Ok((format!("{stem}@{}", digest.short()), digest))
    }

    /// The error of a file for another task.
    #[must_use]
    pub fn made_for<N: std::error::Error>(&self, found: &str) -> LoadError<N> {
        LoadError::Task { path: self.path.to_owned(), found: found.chars().take(40).collect(), wanted: self.task }
    }

    /// The error of a card that names another network than the weights are.
    #[must_use]
    pub fn card_names<N: std::error::Error>(
        &self,
        card: &dyn std::fmt::Display,
        found: &dyn std::fmt::Display,
    ) -> LoadError<N> {
        LoadError::CardArchitecture { path: self.path.to_owned(), card: card.to_string(), found: found.to_string() }
    }

    /// The error of a file that is no network of the kind.
    #[must_use]
    pub fn lacks<N: std::error::Error>(&self, source: N) -> LoadError<N> {
        LoadError::Network { path: self.path.to_owned(), source }
    }
}
