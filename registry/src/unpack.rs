//! From a version in the registry to a recogniser that is loaded.

use std::path::Path;

use pipeline::config::Overrides;
use pipeline::{Loaded, PipelineConfig};
use store::Store;
use store::registry::{ModelFile, ModelVersion};
use vision::{Embedder as _, Sha256};

use crate::error::RegistryError;
use crate::golden::check;
use crate::manifest::Manifest;

/// A release in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacked {
    /// Name and version.
    pub label: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What loads it: rules and paths are the release's, engine and limits the machine's.
    pub config: PipelineConfig,
}

/// Puts a release's files into `folder/<digest>`, each held to its digest; those that are there already are read again and
/// compared, so that what was altered is replaced.
///
/// # Errors
/// When it is no release, a file is missing or is not what was registered, or the folder cannot be written.
pub async fn unpack(
    store: &Store,
    model: &ModelVersion,
    folder: &Path,
    machine: &PipelineConfig,
) -> Result<Unpacked, RegistryError> {
    let manifest = Manifest::of(model)?;
    let place = folder.join(model.digest.to_string());
    let objects = store.model_objects(&model.organisation);
    for file in store.model_files(&model.id).await? {
        let target = place.join(&file.path);
        // Reading a gallery takes a while.
        let there = {
            let (target, file) = (target.clone(), file.clone());
            tokio::task::spawn_blocking(move || is_there(&target, &file)).await.unwrap_or(false)
        };
        if !there {
            objects.get_file(file.sha256, file.bytes, &target).await?;
        }
    }
    let config = config_in(&place, &manifest, machine)?;
    Ok(Unpacked { label: model.label(), manifest, config })
}

fn is_there(target: &Path, file: &ModelFile) -> bool {
    let same_size = std::fs::metadata(target).is_ok_and(|found| found.len() == file.bytes);
    same_size && Sha256::of_file(target).is_ok_and(|found| found == file.sha256)
}

fn config_in(place: &Path, manifest: &Manifest, machine: &PipelineConfig) -> Result<PipelineConfig, RegistryError> {
    let text = manifest.rules.to_string();
    let read = PipelineConfig::parse(&text, &place.join("rules"), &Overrides::default())?;
    Ok(PipelineConfig {
        detector_model: place.join(&read.detector_model),
        embedder_model: place.join(&read.embedder_model),
        gallery_path: place.join(&read.gallery_path),
        engine: machine.engine.clone(),
        limits: machine.limits,
        requests: machine.requests,
        ..read
    })
}

impl Unpacked {
    /// Loads it, and holds it to what was registered: the same parts, and an embedder that says what it said. Blocks for as long
    /// as that takes.
    ///
    /// # Errors
    /// When a part cannot be loaded or is another one.
    pub fn load(&self) -> Result<Loaded, RegistryError> {
        let loaded = pipeline::load(&self.config)?;
        let gallery = loaded.gallery.data().digest().unwrap_or(Sha256([0; 32]));
        for (part, found, expected) in [
            ("embedder", loaded.embedder.fingerprint(), self.manifest.embedder.digest),
            ("gallery", gallery, self.manifest.gallery.digest),
        ] {
            if found != expected {
                return Err(RegistryError::Different { model: self.label.clone(), part, found, expected });
            }
        }
        check(&*loaded.embedder, &self.manifest.golden)?;
        Ok(loaded)
    }
}
