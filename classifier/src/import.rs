//! From other people's weights to the native layout.

use std::path::Path;

use engine::backbones::recognize;
use engine::{Backbone, Device, Weights};

use crate::model::{EmbedderNetwork, Heads};
use crate::{LoadError, NetworkError};

/// Weights in the native layout and what they are.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Only tensors that the network uses, under their native names.
    pub weights: Weights,
    /// Which network.
    pub backbone: &'static dyn Backbone,
    /// What is on top of its features.
    pub heads: Heads,
}

/// Reads the weights of a backbone from `.onnx` initialisers or `.safetensors`, under its native names or others that it knows,
/// batch norms folded in or not. The network is recognised by its tensors; how it pads, they do not tell: without `backbone`
/// their names decide, see [`Backbone::published_as`].
///
/// # Errors
/// When the file cannot be read or its tensors make none of the known networks, or another than `backbone`.
pub fn import(path: &Path, backbone: Option<&'static dyn Backbone>) -> Result<Imported, LoadError> {
    let weights = Weights::open(path)?;
    let shapes: Vec<(&str, &[usize])> = weights.iter().map(|(name, shape, _)| (name, shape)).collect();
    let found = recognize(shapes.iter().copied())
        .ok_or_else(|| LoadError::Network { path: path.to_owned(), source: NetworkError::Foreign })?;
    let backbone = backbone.unwrap_or(found);
    if !backbone.is_twin_of(found) {
        let (card, found) = (backbone.to_string(), found.to_string());
        return Err(LoadError::CardArchitecture { path: path.to_owned(), card, found });
    }
    let renamed = weights.renamed(|name| backbone.native_name(name))?;
    let heads = Heads::of(&renamed);
    // Loading tells which tensors are used, and that none is missing.
    renamed.build(&Device::cpu(), |vb| EmbedderNetwork::load(vb, backbone, heads))?;
    let unused: Vec<String> = renamed.unused().into_iter().map(str::to_owned).collect();
    let weights = renamed.renamed(|name| (!unused.iter().any(|unused| unused == name)).then(|| name.to_owned()))?;
    Ok(Imported { weights, backbone, heads })
}
