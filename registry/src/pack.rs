//! From a configuration to a version in the registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use classifier::gallery::snapshot;
use pipeline::PipelineConfig;
use pipeline::load::{load_detector, load_embedder, load_gallery};
use serde_json::{Value, json};
use store::Store;
use store::audit::Actor;
use store::registry::{DataSetRef, ModelFile, ModelKind, ModelVersion, NewModel};
use vision::{Detector as _, Embedder as _, ModelCard, Sha256};

use crate::error::RegistryError;
use crate::golden::{golden, probes};
use crate::manifest::{FORMAT, Manifest, Part};

/// A release, ready to be registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// What its settings will be.
    pub manifest: Manifest,
    /// Path in the release, and where the file lies.
    pub files: Vec<(String, PathBuf)>,
    /// Architectures of its networks.
    pub algorithm: String,
    /// Metrics of the model cards: `detector.map50`, `embedder.top1`.
    pub metrics: BTreeMap<String, f64>,
}

/// What people say of a release.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct About {
    /// Id of the organisation.
    pub organisation: String,
    /// Of which it is a version.
    pub name: String,
    /// One of a kind under the name.
    pub version: String,
    /// Whether it is registered as one in the making, to be deployed later.
    pub training: bool,
    /// Words.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What its networks learned from.
    pub datasets: Vec<DataSetRef>,
    /// Ids of releases that it comes from.
    pub parents: Vec<String>,
}

/// Loads everything that the configuration names, as a server would, and runs it once: what does not work is not released.
/// Blocks for as long as that takes.
///
/// # Errors
/// When a part is missing, cannot be used or belongs to another one: a gallery of another embedder is refused.
pub fn pack(config: &PipelineConfig) -> Result<Packed, RegistryError> {
    let (detector, embedder) = (load_detector(config)?, load_embedder(config)?);
    let gallery = load_gallery(config, &embedder)?;
    let data = gallery.data();
    let (Some(revision), Some(content)) = (data.revision(), data.digest()) else {
        return Err(RegistryError::NoGallery { path: config.gallery_path.clone() });
    };
    detector.detect(&probes(), &config.options.detect)?;
    let golden = golden(&embedder)?;

    let mut files = Vec::new();
    let (detector_file, detector_card) = weights("detector", &config.detector_model, &mut files)?;
    let (embedder_file, embedder_card) = weights("embedder", &config.embedder_model, &mut files)?;
    for name in snapshot::file_names(revision) {
        files.push((format!("gallery/{name}"), config.gallery_path.join(&name)));
    }
    let mut rules = config.rules();
    rules["detector"]["model"] = detector_file.into();
    rules["embedder"]["model"] = embedder_file.into();
    rules["gallery"]["path"] = "gallery".into();

    let weights = Sha256::of_file(&config.detector_model).map_err(unreadable)?;
    let architecture = |card: &Option<ModelCard>| card.as_ref().map_or("unknown", |card| &card.architecture).to_owned();
    let mut metrics = BTreeMap::new();
    for (part, card) in [("detector", &detector_card), ("embedder", &embedder_card)] {
        let measured = card.iter().flat_map(|card| &card.metrics);
        metrics.extend(measured.map(|(name, value)| (format!("{part}.{name}"), *value)));
    }
    Ok(Packed {
        manifest: Manifest {
            format: FORMAT,
            rules,
            detector: Part { name: name(&detector_card, &config.detector_model), digest: weights },
            embedder: Part { name: name(&embedder_card, &config.embedder_model), digest: embedder.fingerprint() },
            gallery: Part { name: data.name().to_owned(), digest: content },
            classes: Some(detector.classes().to_vec()),
            golden,
        },
        files,
        algorithm: format!("{} + {}", architecture(&detector_card), architecture(&embedder_card)),
        metrics,
    })
}

/// Copies the files among the objects and writes the version down: in this order, so that no version lacks a file.
///
/// # Errors
/// When a file cannot be copied or changes meanwhile, or as [`Store::register`].
pub async fn register(
    store: &Store,
    packed: Packed,
    about: About,
    actor: &Actor,
) -> Result<ModelVersion, RegistryError> {
    let objects = store.model_objects(&about.organisation);
    let mut files = Vec::with_capacity(packed.files.len());
    for (path, source) in &packed.files {
        let (sha256, bytes) = objects.put_file(source).await?;
        files.push(ModelFile { path: path.clone(), sha256, bytes });
    }
    let new = NewModel {
        organisation: about.organisation,
        kind: ModelKind::Release,
        name: about.name,
        version: about.version,
        training: about.training,
        algorithm: packed.algorithm,
        description: about.description,
        metrics: packed.metrics,
        datasets: about.datasets,
        parents: about.parents,
        tags: about.tags,
        settings: settings(&packed.manifest),
        files,
    };
    Ok(store.register(new, actor).await?)
}

/// Plain data always has a value.
fn settings(manifest: &Manifest) -> Value {
    serde_json::to_value(manifest).unwrap_or_else(|_| json!({}))
}

/// Weights with their card and what the card names: the path of the weights in the release, and the card.
fn weights(
    folder: &str,
    weights: &Path,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(String, Option<ModelCard>), RegistryError> {
    let card = ModelCard::read_beside(weights)?;
    let inside = |path: &Path| format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
    let path = inside(weights);
    files.push((path.clone(), weights.to_owned()));
    if let Some(card) = &card {
        let file = ModelCard::path_for(weights);
        files.push((inside(&file), file));
        if let Some(background) = &card.background {
            let file = weights.with_file_name(&background.file);
            files.push((inside(&file), file));
        }
    }
    Ok((path, card))
}

fn name(card: &Option<ModelCard>, weights: &Path) -> String {
    let stem = || weights.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    card.as_ref().map(|card| card.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(stem)
}

fn unreadable(error: std::io::Error) -> RegistryError {
    store::StoreError::Unavailable { what: "file", source: error.into() }.into()
}
