//! Why a weights file is no detector.

use std::path::PathBuf;

use engine::{ChoiceError, EngineError};
use thiserror::Error;
use vision::model_card::CardError;

use crate::metadata::MetadataError;
use crate::model::{ArchitectureError, Design};
use crate::{ClassMapError, SpecError};

/// Why a weights file is no detector, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The card cannot be read, or is another file's.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The network does something else.
    #[error(
        "{path} is made for the task `{found}`; a detector is needed (task `detect` of Ultralytics, `detector` in a model card)"
    )]
    Task {
        /// Path of the file.
        path: PathBuf,
        /// What it is for.
        found: String,
    },
    /// The network is of another family.
    #[error("{path} is {family}, whose answers mean something else: use a YOLOv8, YOLO11 or later detector")]
    Family {
        /// Path of the file.
        path: PathBuf,
        /// By its own description.
        family: &'static str,
    },
    /// Nothing says what the outputs mean.
    #[error("nothing says which classes {path} tells apart: it has no `names` in its metadata and {}", match .card {
        Some(card) => format!("`classes` is empty in {}: list them there", card.display()),
        None => "no model card beside it: write one with `classes`".to_owned(),
    })]
    NoClasses {
        /// Path of the file.
        path: PathBuf,
        /// Its card.
        card: Option<PathBuf>,
    },
    /// The key-value pairs in the file are broken.
    #[error("{path}: {source}; write a model card beside it, which is used instead")]
    Metadata {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong.
        source: MetadataError,
    },
    /// The class map does not fit.
    #[error("{path}: {source}; correct `class_map` in its model card")]
    ClassMap {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong.
        source: ClassMapError,
    },
    /// candle runs only the networks written for it.
    #[error(
        "candle cannot run {path}: {source}. It runs YOLOv8 n, s, m, l and x with weights in floating point under \
         Ultralytics' names, and their necks and heads on an EfficientNet; other networks need ONNX Runtime (`make setup`)"
    )]
    Architecture {
        /// Path of the file.
        path: PathBuf,
        /// What is missing or different.
        source: ArchitectureError,
    },
    /// Tensors that YOLOv8 has not.
    #[error(
        "candle cannot run {path}: it holds `{name}`, which no YOLOv8 detector has; use ONNX Runtime for this network"
    )]
    Foreign {
        /// Path of the file.
        path: PathBuf,
        /// The first of them.
        name: String,
    },
    /// The card speaks of another network.
    #[error("the model card of {path} says {card}, but its weights are {found}: correct `architecture` in the card")]
    CardArchitecture {
        /// Path of the file.
        path: PathBuf,
        /// What the card says.
        card: Design,
        /// What the weights are.
        found: Design,
    },
    /// The card lists another number of classes.
    #[error(
        "the model card of {path} lists {card} classes, but the network has {found}: correct `classes` in the card"
    )]
    CardClasses {
        /// Path of the file.
        path: PathBuf,
        /// Classes in the card.
        card: usize,
        /// Classes of the network.
        found: usize,
    },
    /// The engine chosen cannot run such a file.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The engine cannot open or run it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It runs, but not as a detector of these classes and this size.
    #[error("{path}: {source}")]
    Spec {
        /// Path of the file.
        path: PathBuf,
        /// What does not fit.
        source: SpecError,
    },
}
