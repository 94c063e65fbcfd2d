//! Why the network in a weights file is no detector.

use std::path::PathBuf;

use thiserror::Error;

use crate::metadata::MetadataError;
use crate::model::ArchitectureError;
use crate::{ClassMapError, SpecError};

/// Why a weights file cannot be loaded as a detector.
pub type LoadError = engine::load::LoadError<NetworkError>;

/// Why the network in a weights file is no detector, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The network is of another family.
    #[error("it is {family}, whose answers mean something else: use a YOLOv8, YOLO11 or later detector")]
    Family {
        /// By its own description.
        family: &'static str,
    },
    /// Nothing says what the outputs mean.
    #[error("nothing says which classes it tells apart: it has no `names` in its metadata and {}", match .card {
        Some(card) => format!("`classes` is empty in {}: list them there", card.display()),
        None => "no model card beside it: write one with `classes`".to_owned(),
    })]
    NoClasses {
        /// Its card.
        card: Option<PathBuf>,
    },
    /// The key-value pairs in the file are broken.
    #[error("{0}; write a model card beside it, which is used instead")]
    Metadata(#[source] MetadataError),
    /// The class map does not fit.
    #[error("{0}; correct `class_map` in its model card")]
    ClassMap(#[source] ClassMapError),
    /// candle runs only the networks written for it.
    #[error(
        "candle cannot run it: {0}. It runs YOLOv8 n, s, m, l and x with weights in floating point under Ultralytics' \
         names, and their necks and heads on another backbone; other networks need ONNX Runtime (`make setup`)"
    )]
    Architecture(#[source] ArchitectureError),
    /// Tensors that YOLOv8 has not.
    #[error("candle cannot run it: it holds `{name}`, which no YOLOv8 detector has; use ONNX Runtime for this network")]
    Foreign {
        /// The first of them.
        name: String,
    },
    /// The card lists another number of classes.
    #[error("its model card lists {card} classes, but the network has {found}: correct `classes` in the card")]
    CardClasses {
        /// Classes in the card.
        card: usize,
        /// Classes of the network.
        found: usize,
    },
    /// It runs, but not as a detector of these classes and this size.
    #[error(transparent)]
    Spec(SpecError),
}
