//! Images that nothing may be learnt from: what models are measured on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use dataset::{DataFolder, LayoutChoice};
use serde_json::{Value as Json, json};
use vision::Sha256;
use vision::files::read_bounded;
use vision::phash::ImageSignature;

use super::looks::{BLANK, signature};
use super::near::Alike;
use crate::config::FullConfig;
use crate::error::FlowError;

/// Largest image read.
const MAX_IMAGE: u64 = 64 << 20;

/// Images of all reserved folders.
pub(super) struct Reserved {
    names: Vec<String>,
    looks: Vec<ImageSignature>,
    by_digest: HashMap<Sha256, usize>,
    alike: Alike,
    folders: Vec<Json>,
}

impl Reserved {
    pub(super) async fn read(config: &FullConfig) -> Result<Self, FlowError> {
        let (folders, bits) = (config.reserved.clone(), config.near_bits);
        tokio::task::spawn_blocking(move || read(&folders, bits)).await.map_err(|_| FlowError::Inside)?
    }

    /// The image whose bytes these are.
    pub(super) fn same(&self, photo: Sha256) -> Option<&str> {
        self.by_digest.get(&photo).map(|at| self.names[*at].as_str())
    }

    /// Images that may look like that, each with its looks.
    pub(super) fn alike(&self, hash: u64) -> impl Iterator<Item = (&str, &ImageSignature)> {
        self.alike.to(hash).into_iter().map(|at| (self.names[at].as_str(), &self.looks[at]))
    }

    /// For the manifest.
    pub(super) fn folders(&self) -> Json {
        Json::Array(self.folders.clone())
    }
}

fn read(folders: &[PathBuf], bits: u32) -> Result<Reserved, FlowError> {
    let (mut names, mut looks, mut by_digest, mut said) = (Vec::new(), Vec::new(), HashMap::new(), Vec::new());
    for folder in folders {
        let wrong = |reason: String| FlowError::Reserved { folder: folder.clone(), reason };
        // Exactly these images were reserved: what cannot be looked at cannot be kept away.
        let data = DataFolder::scan(folder, LayoutChoice::Auto).map_err(|error| wrong(error.to_string()))?;
        let mut digests = Vec::with_capacity(data.images.len());
        for image in &data.images {
            let path = data.root.join(Path::new(&image.path));
            let file = read_bounded(&path, MAX_IMAGE).map_err(|error| wrong(error.to_string()))?;
            let digest = Sha256::of(&file);
            looks.push(signature(&file).map_err(|reason| wrong(format!("{}: {reason}", image.path)))?);
            by_digest.insert(digest, names.len());
            names.push(format!("{}/{}", folder.display(), image.path));
            digests.push(digest);
        }
        digests.sort_unstable();
        let parts: Vec<&[u8]> = digests.iter().map(|digest| digest.0.as_slice()).collect();
        said.push(json!({"folder": folder.display().to_string(), "images": digests.len(), "sha256": Sha256::of_parts(&parts)}));
    }
    let hashes =
        looks.iter().enumerate().filter(|(_, looks)| looks.contrast() >= BLANK).map(|(at, looks)| (at, looks.hash));
    let alike = Alike::of(hashes, bits);
    Ok(Reserved { names, looks, by_digest, alike, folders: said })
}
