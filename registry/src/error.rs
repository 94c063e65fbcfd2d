//! Why a release could not be packed or loaded.

use std::path::PathBuf;

use store::StoreError;
use thiserror::Error;
use vision::config::ConfigError;
use vision::model_card::CardError;
use vision::{ModelError, Sha256};

/// Why a release could not be packed or loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The store refused, or was not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part that the configuration names cannot be loaded, so it cannot be released.
    #[error("what is configured does not load")]
    Load(#[from] pipeline::LoadError),
    /// A model card cannot be used.
    #[error("a model card cannot be used")]
    Card(#[from] CardError),
    /// There is no gallery where the configuration says.
    #[error("there is no gallery in {path}: a release without one knows no SKU; make one with `shelf gallery build`")]
    NoGallery {
        /// Where it should be.
        path: PathBuf,
    },
    /// The version is no release.
    #[error("{model} is no release, but {kind}")]
    Kind {
        /// Name and version.
        model: String,
        /// What it is.
        kind: store::registry::ModelKind,
    },
    /// The settings of a release are not what this program understands.
    #[error("the settings of {model} are not understood")]
    Settings {
        /// Name and version.
        model: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another format than this program writes.
    #[error("{model} is written in version {found} of the format, and this program understands {understood}")]
    Format {
        /// Name and version.
        model: String,
        /// What it says.
        found: u32,
        /// What is understood.
        understood: u32,
    },
    /// The rules of a release are not sound.
    #[error("the rules of a release are not sound")]
    Rules(#[from] ConfigError),
    /// A part came out other than it went in.
    #[error("the {part} of {model} is {found}, and {expected} was registered")]
    Different {
        /// Name and version.
        model: String,
        /// Which part.
        part: &'static str,
        /// What there is.
        found: Sha256,
        /// What was registered.
        expected: Sha256,
    },
    /// The first inference failed.
    #[error("the first inference failed")]
    Inference(#[from] ModelError),
    /// A file is no exported version, or not what it was.
    #[error("the file cannot be imported: {what}")]
    Parcel {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The embedder says something else than it did.
    #[error(
        "the embedder says something else than when it was registered: cosine {cosine:.4}, at least {least} is expected"
    )]
    Golden {
        /// The smallest cosine to what it said.
        cosine: f32,
        /// What is expected.
        least: f32,
    },
}
