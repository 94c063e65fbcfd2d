//! From other people's weights to the native layout.

use std::path::Path;

use engine::{Device, Weights};

use crate::LoadError;
use crate::model::layout::{native_name, recognize};
use crate::model::{Architecture, EfficientNet, Heads};

/// Weights in the native layout and what they are.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Only tensors that the network uses, under their native names.
    pub weights: Weights,
    /// Which network.
    pub architecture: Architecture,
    /// What is on top of its features.
    pub heads: Heads,
}

/// Reads EfficientNet weights from `.onnx` initialisers or `.safetensors`, under timm's names or those of the PyTorch ports
/// of Google's weights, batch norms folded in or not. The network is recognised by its tensors; whether it pads as
/// TensorFlow does, tensors do not tell: without `architecture`, weights under ported names are taken for Google's and the
/// others for timm's.
///
/// # Errors
/// When the file cannot be read or its tensors make none of the known networks, or another than `architecture`.
pub fn import(path: &Path, architecture: Option<Architecture>) -> Result<Imported, LoadError> {
    let weights = Weights::open(path)?;
    let shapes: Vec<(&str, &[usize])> = weights.iter().map(|(name, shape, _)| (name, shape)).collect();
    let found = recognize(shapes.iter().copied()).ok_or_else(|| LoadError::Foreign { path: path.to_owned() })?;
    let ported = shapes.iter().any(|(name, _)| name.contains("._depthwise_conv."));
    // Parsing settles what a size implies by itself.
    let guess = |name: String| name.parse::<Architecture>().ok();
    let guessed = guess(format!("{}{found}", if ported { "tf_" } else { "" }));
    let architecture = architecture.or(guessed).ok_or_else(|| LoadError::Foreign { path: path.to_owned() })?;
    if architecture.variant != found {
        return Err(LoadError::CardArchitecture { path: path.to_owned(), card: architecture.variant, found });
    }
    let config = architecture.config();
    let renamed = weights.renamed(|name| native_name(name, &config))?;
    let heads = Heads::of(&renamed);
    // Loading tells which tensors are used, and that none is missing.
    renamed.build(&Device::cpu(), |vb| EfficientNet::load(vb, &config, heads))?;
    let unused: Vec<String> = renamed.unused().into_iter().map(str::to_owned).collect();
    let weights = renamed.renamed(|name| (!unused.iter().any(|unused| unused == name)).then(|| name.to_owned()))?;
    Ok(Imported { weights, architecture, heads })
}
