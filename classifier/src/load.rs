//! From a weights file to a working embedder.

#[cfg(feature = "candle")]
mod with_candle;
#[cfg(not(feature = "candle"))]
mod without_candle;

use std::path::{Path, PathBuf};

use engine::{Device, EngineChoice, OrtOptions, Weights, WeightsFormat, onnx};
use tracing::info;
use vision::crop::CropRule;
use vision::model_card::{CardError, Task};
use vision::{Embedder as _, ModelCard, Sha256};

use crate::LoadError;
use crate::infer::{EmbedderSpec, SessionEmbedder};
use crate::model::layout::recognize;
use crate::model::{Architecture, Variant, usual_plan};

/// The network that is known without a card.
const LITE0: Architecture = Architecture { variant: Variant::Lite0, tensorflow: true };

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
/// file of EfficientNet-Lite0 with 224 pixels is understood, whose preprocessing is known: [`usual_plan`].
///
/// # Errors
/// See [`LoadError`].
pub fn load(weights: &Path, options: &LoadOptions) -> Result<SessionEmbedder, LoadError> {
    let format = WeightsFormat::of(weights)?;
    let card = ModelCard::read_beside(weights)?;
    let file = File { path: weights, card: card.as_ref() };
    if file.card.is_some_and(|card| card.task != Task::Embedder) {
        return Err(LoadError::Task { path: file.path() });
    }
    let spec = file.spec(format)?;
    let session = options.engine.open(weights, &options.ort, || file.open_with_candle(&options.device))?;
    let embedder =
        SessionEmbedder::new(session, spec).map_err(|source| LoadError::Spec { path: file.path(), source })?;
    info!(embedder = embedder.describe(), dimension = embedder.dimension(), "loaded the embedder");
    Ok(embedder)
}

/// A weights file and what its card says of it.
struct File<'a> {
    path: &'a Path,
    card: Option<&'a ModelCard>,
}

impl File<'_> {
    fn path(&self) -> PathBuf {
        self.path.to_owned()
    }

    fn spec(&self, format: WeightsFormat) -> Result<EmbedderSpec, LoadError> {
        if let Some(card) = self.card {
            return Ok(EmbedderSpec {
                name: format!("{}@{}", card.name, card.sha256.short()),
                weights: card.sha256,
                plan: card.preprocess.clone(),
                crop: card.crop.unwrap_or_default(),
                output: card.embedding_output.clone(),
                dimension: card.embedding_dim,
            });
        }
        // Reads the file before an engine does, so that a missing or broken one is named as that.
        let known = format == WeightsFormat::Onnx && is_known_lite0(&onnx::Model::read(self.path)?);
        if !known {
            if format == WeightsFormat::Safetensors {
                Weights::open(self.path)?;
            }
            return Err(LoadError::NoCard { path: self.path(), card: ModelCard::path_for(self.path) });
        }
        let digest = Sha256::of_file(self.path).map_err(|source| CardError::Io { path: self.path(), source })?;
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(EmbedderSpec {
            name: format!("{stem}@{}", digest.short()),
            weights: digest,
            plan: usual_plan(LITE0),
            crop: CropRule::default(),
            output: None,
            dimension: None,
        })
    }
}

/// Whether the preprocessing is known without a card: the tensors of EfficientNet-Lite0 and images of 224 pixels.
fn is_known_lite0(model: &onnx::Model) -> bool {
    let shapes: Vec<(&str, Vec<usize>)> = model
        .initializers()
        .iter()
        .map(|tensor| {
            let shape = tensor.dims.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
            (tensor.name.as_str(), shape)
        })
        .collect();
    let side = Variant::Lite0.resolution().to_string();
    let inputs = model.inputs();
    let takes_224 = matches!(inputs.as_slice(), [only]
        if matches!(only.shape.as_slice(), [_, planes, height, width] if planes == "3" && *height == side && *width == side));
    takes_224 && recognize(shapes.iter().map(|(name, shape)| (*name, shape.as_slice()))) == Some(Variant::Lite0)
}
