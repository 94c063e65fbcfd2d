//! What travels with weights: the model card, a JSON file `<stem>.card.json` beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crop::CropRule;
use crate::preprocess::PlanError;
use crate::{PreprocessPlan, Sha256};

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Finds containers.
    Detector,
    /// Embeds crops.
    Embedder,
}

/// A set of pictures a model learned from or was measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// Name people know it by.
    pub name: String,
    /// Digest of the whole set, when it is frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Licence as its publisher states it.
    pub license: String,
}

/// A model card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Unique name of the model.
    pub name: String,
    /// What it is for.
    pub task: Task,
    /// Network family and size: `yolov8n`, `efficientnet_lite0`.
    pub architecture: String,
    /// File name of the weights in the folder of the card (`.onnx` or `.safetensors`).
    pub weights: String,
    /// Digest of that file.
    pub sha256: Sha256,
    /// From pixels to input.
    pub preprocess: PreprocessPlan,
    /// Detectors: class names in the order of the network's outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Detectors: output class number -> class name of the product; outputs not listed are dropped. Empty: all outputs
    /// are kept under their own names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_map: BTreeMap<usize, String>,
    /// Embedders: name of the output that holds the features; the only output when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_output: Option<String>,
    /// Embedders: number of components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_dim: Option<usize>,
    /// Embedders: how crops are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<CropRule>,
    /// Measured figures, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// What it learned from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataSet>,
    /// Licence of the weights.
    pub license: String,
    /// Known limits, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub limits: String,
}

/// A card, or the weights it speaks of, that cannot be used.
#[derive(Debug, Error)]
pub enum CardError {
    /// A file cannot be read or written.
    #[error("cannot access {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Larger than a card may be.
    #[error("{path} is larger than {MAX_CARD_BYTES} bytes: not a model card")]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// Not a card.
    #[error("{path} is not a model card: {source}")]
    Json {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The preprocessing makes no sense.
    #[error("{path}: `preprocess`: {source}")]
    Plan {
        /// Which card.
        path: PathBuf,
        /// Why.
        source: PlanError,
    },
    /// A path where a file name belongs.
    #[error("{path}: `weights` must be a plain file name beside the card, not {weights:?}")]
    WeightsPath {
        /// Which card.
        path: PathBuf,
        /// What it says.
        weights: String,
    },
    /// Weights were changed or cut short after the card was written.
    #[error(
        "{weights} does not match its card {card}: its SHA-256 is {found}, the card says {expected}; \
         fetch the file again, or import it anew with `shelf models import`"
    )]
    Digest {
        /// Which weights.
        weights: PathBuf,
        /// Which card.
        card: PathBuf,
        /// What the card says.
        expected: Sha256,
        /// What the file has.
        found: Sha256,
    },
}

/// Largest card read into memory.
pub const MAX_CARD_BYTES: u64 = 1 << 20;

impl ModelCard {
    /// Where the card of these weights lies: `yolov8n.onnx` -> `yolov8n.card.json`.
    #[must_use]
    pub fn path_for(weights: &Path) -> PathBuf {
        weights.with_extension("card.json")
    }

    /// Reads and checks a card; the weights are not touched.
    ///
    /// # Errors
    /// When the file cannot be read or is not a sound card.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        let io_error = |source| CardError::Io { path: path.to_owned(), source };
        if fs::metadata(path).map_err(io_error)?.len() > MAX_CARD_BYTES {
            return Err(CardError::TooLarge { path: path.to_owned() });
        }
        let text = fs::read(path).map_err(io_error)?;
        let card: Self =
            serde_json::from_slice(&text).map_err(|source| CardError::Json { path: path.to_owned(), source })?;
        card.preprocess.validate().map_err(|source| CardError::Plan { path: path.to_owned(), source })?;
        let plain = Path::new(&card.weights).file_name().is_some_and(|name| name == card.weights.as_str());
        if !plain {
            return Err(CardError::WeightsPath { path: path.to_owned(), weights: card.weights });
        }
        Ok(card)
    }

    /// Reads the card beside `weights`, if there is one, and verifies the digest of the weights.
    ///
    /// # Errors
    /// As [`ModelCard::read`], and when the weights are not the ones the card speaks of.
    pub fn read_beside(weights: &Path) -> Result<Option<Self>, CardError> {
        let path = Self::path_for(weights);
        if !path.exists() {
            return Ok(None);
        }
        let card = Self::read(&path)?;
        let found = Sha256::of_file(weights).map_err(|source| CardError::Io { path: weights.to_owned(), source })?;
        if found != card.sha256 {
            return Err(CardError::Digest { weights: weights.to_owned(), card: path, expected: card.sha256, found });
        }
        Ok(Some(card))
    }

    /// Writes the card beside its weights, atomically.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_beside(&self, weights: &Path) -> Result<PathBuf, CardError> {
        let path = Self::path_for(weights);
        let io_error = |source| CardError::Io { path: path.clone(), source };
        let mut text = serde_json::to_string_pretty(self).expect("a card is plain data");
        text.push('\n');
        let beside = path.with_extension("json.partial");
        fs::write(&beside, text).map_err(io_error)?;
        fs::rename(&beside, &path).map_err(io_error)?;
        Ok(path)
    }
}
