//! What travels with weights: the model card, a JSON file `<stem>.card.json` beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crop::CropRule;
use crate::preprocess::PlanError;
use crate::{FacingHeight, PreprocessPlan, Sha256};

/// Largest weights file read unless the caller says otherwise: also the most that a protobuf message can hold.
pub const MAX_MODEL_BYTES: u64 = 2 << 30;

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Finds containers.
    Detector,
    /// Embeds crops.
    Embedder,
}

/// A set of images a model learned from or was measured on.
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

/// A file that travels with the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideFile {
    /// File name in the folder of the card.
    pub file: String,
    /// Digest of that file.
    pub sha256: Sha256,
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
    /// Detectors: how tall facings must be on the input; photos are scaled to it. A guess is used when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facing_height: Option<FacingHeight>,
    /// Embedders: name of the output that holds the features; the only output when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_output: Option<String>,
    /// Embedders: number of components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_dim: Option<usize>,
    /// Embedders: how crops are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<CropRule>,
    /// Embedders: embeddings of foreign products, by which galleries learn what is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<SideFile>,
    /// Measured metrics, by name.
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
    #[error("cannot access {path}: {source}")]
    Io {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Larger than a card may be.
    #[error("{path} is larger than {MAX_CARD_BYTES} bytes: not a model card")]
    TooLarge {
        /// Path of the file or folder.
        path: PathBuf,
    },
    /// Not a card.
    #[error("{path} is not a model card: {source}")]
    Json {
        /// Path of the file or folder.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The preprocessing makes no sense.
    #[error("{path}: `preprocess`: {source}")]
    Plan {
        /// Which card.
        path: PathBuf,
        /// Cause.
        source: PlanError,
    },
    /// A value that contradicts the rest of the card.
    #[error("{path}: `{key}` {reason}")]
    Value {
        /// Which card.
        path: PathBuf,
        /// Name of the key.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A path where a file name belongs.
    #[error("{path}: weights and background must be plain file names beside the card, not {weights:?}")]
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
    /// A card that says nothing yet but what the model is for and what it is fed with.
    #[must_use]
    pub fn new(task: Task, preprocess: PreprocessPlan) -> Self {
        Self {
            name: String::new(),
            task,
            architecture: String::new(),
            weights: String::new(),
            sha256: Sha256([0; 32]),
            preprocess,
            classes: Vec::new(),
            class_map: BTreeMap::new(),
            facing_height: None,
            embedding_output: None,
            embedding_dim: None,
            crop: None,
            background: None,
            metrics: BTreeMap::new(),
            data: Vec::new(),
            license: String::new(),
            limits: String::new(),
        }
    }

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
        // Read to one byte above the limit rather than asking for the length first: a device or pipe has none.
        let mut text = Vec::new();
        let file = fs::File::open(path).map_err(io_error)?;
        file.take(MAX_CARD_BYTES + 1).read_to_end(&mut text).map_err(io_error)?;
        if text.len() as u64 > MAX_CARD_BYTES {
            return Err(CardError::TooLarge { path: path.to_owned() });
        }
        let card: Self =
            serde_json::from_slice(&text).map_err(|source| CardError::Json { path: path.to_owned(), source })?;
        card.check(path)?;
        Ok(card)
    }

    /// Refuses a card that contradicts itself or could not be read back.
    fn check(&self, path: &Path) -> Result<(), CardError> {
        self.preprocess.validate().map_err(|source| CardError::Plan { path: path.to_owned(), source })?;
        let plain = Path::new(&self.weights).file_name().is_some_and(|name| name == self.weights.as_str());
        if !plain {
            return Err(CardError::WeightsPath { path: path.to_owned(), weights: self.weights.clone() });
        }
        let side = self.background.as_ref().map(|side| side.file.as_str());
        if let Some(file) = side.filter(|file| Path::new(file).file_name().is_none_or(|name| name != *file)) {
            return Err(CardError::WeightsPath { path: path.to_owned(), weights: file.to_owned() });
        }
        let wrong = |key: String, reason| Err(CardError::Value { path: path.to_owned(), key, reason });
        if self.crop.is_some_and(|rule| !rule.is_valid()) {
            return wrong("crop.margin".to_owned(), "must lie within 0 and 1");
        }
        if self.facing_height.is_some_and(|heights| heights.validate().is_err()) {
            return wrong(
                "facing_height".to_owned(),
                "must be pixels from 1 to 4096, min below best and best below max",
            );
        }
        if self.embedding_dim == Some(0) {
            return wrong("embedding_dim".to_owned(), "must be at least 1");
        }
        let outputs = self.classes.len();
        if let Some(class) = self.class_map.keys().find(|&&class| outputs > 0 && class >= outputs) {
            return wrong(format!("class_map.{class}"), "names an output that `classes` does not have");
        }
        // JSON has no NaN: it would be written as null and refused by the next reader.
        if let Some((name, _)) = self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return wrong(format!("metrics.{name}"), "is not a finite number; leave it out when it was not measured");
        }
        Ok(())
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
    /// When the card is not one that [`ModelCard::read`] takes, or the folder cannot be written.
    pub fn write_beside(&self, weights: &Path) -> Result<PathBuf, CardError> {
        let path = Self::path_for(weights);
        self.check(&path)?;
        let io_error = |source| CardError::Io { path: path.clone(), source };
        let mut text = serde_json::to_string_pretty(self).expect("a card is plain data");
        text.push('\n');
        let beside = path.with_extension(format!("json.partial-{}", std::process::id()));
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.map_err(io_error)?;
        Ok(path)
    }
}
