//! From a weights file to a working embedder.

#[cfg(feature = "candle")]
mod with_candle;
#[cfg(not(feature = "candle"))]
mod without_candle;

use std::path::Path;

use engine::backbones::recognize;
use engine::load::WeightsFile;
use engine::{Backbone, Device, EngineChoice, OrtOptions, Weights, WeightsFormat, onnx};
use tracing::info;
use vision::crop::CropRule;
use vision::model_card::Task;
use vision::{Embedder as _, ModelCard};

use crate::infer::{EmbedderSpec, SessionEmbedder};
use crate::{LoadError, NetworkError};
#[cfg(feature = "candle")]
use with_candle::open_with_candle;
#[cfg(not(feature = "candle"))]
use without_candle::open_with_candle;

/// The network that is known without a card.
const KNOWN: &str = "efficientnet_lite0";

/// How an embedder is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Which engine.
    pub engine: EngineChoice,
    /// Where candle computes.
    pub device: Device,
    /// How ONNX Runtime is used.
    pub ort: OrtOptions,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { engine: EngineChoice::Auto, device: Device::cpu(), ort: OrtOptions::default() }
    }
}

/// Loads the embedder in `weights` (`.onnx` or `.safetensors`), with the model card beside it. Without a card only an ONNX
/// file of EfficientNet-Lite0 with 224 pixels is understood, whose preprocessing is known: [`Backbone::plan`].
///
/// # Errors
/// See [`LoadError`].
pub fn load(weights: &Path, options: &LoadOptions) -> Result<SessionEmbedder, LoadError> {
    let file = WeightsFile::open(weights, Task::Embedder)?;
    let spec = spec(&file)?;
    let session = options.engine.open(weights, &options.ort, || open_with_candle(&file, &options.device))?;
    let embedder = SessionEmbedder::new(session, spec).map_err(|source| file.lacks(NetworkError::Spec(source)))?;
    info!(embedder = embedder.describe(), dimension = embedder.dimension(), "loaded the embedder");
    Ok(embedder)
}

fn spec(file: &WeightsFile<'_>) -> Result<EmbedderSpec, LoadError> {
    if let Some(card) = &file.card {
        let (name, weights) = file.identity()?;
        return Ok(EmbedderSpec {
            name,
            weights,
            plan: card.preprocess.clone(),
            crop: card.crop.unwrap_or_default(),
            output: card.embedding_output.clone(),
            dimension: card.embedding_dim,
        });
    }
    // Reads the file before an engine does, so that a missing or broken one is named as that.
    let known = match file.format {
        WeightsFormat::Onnx => known(&onnx::Model::read(file.path)?),
        WeightsFormat::Tflite => None,
        WeightsFormat::Safetensors => Weights::open(file.path).map(|_| None)?,
    };
    let backbone = known.ok_or_else(|| file.lacks(NetworkError::NoCard { card: ModelCard::path_for(file.path) }))?;
    let (name, weights) = file.identity()?;
    Ok(EmbedderSpec { name, weights, plan: backbone.plan(), crop: CropRule::default(), output: None, dimension: None })
}

/// The network whose preprocessing is known without a card, by its tensors and the size of its images.
fn known(model: &onnx::Model) -> Option<&'static dyn Backbone> {
    let shapes: Vec<(&str, Vec<usize>)> = model
        .initializers()
        .iter()
        .map(|tensor| {
            let shape = tensor.dims.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
            (tensor.name.as_str(), shape)
        })
        .collect();
    let found = recognize(shapes.iter().map(|(name, shape)| (*name, shape.as_slice())))?;
    let side = found.plan().width.to_string();
    let inputs = model.inputs();
    let takes_its_size = matches!(inputs.as_slice(), [only]
        if matches!(only.shape.as_slice(), [_, planes, height, width] if planes == "3" && *height == side && *width == side));
    (takes_its_size && found.name() == KNOWN).then_some(found)
}
