//! The whole network: stem, blocks, head, pooled features, and what is trained on top of them.

use candle_core::{Result, Tensor};
use candle_nn::{Linear, Module as _, VarBuilder};
use engine::efficientnet::layers::{Pointwise, pool};
use engine::efficientnet::{Backbone, Build, Config};
use engine::{Network, Weights};

/// Name of the output that holds the embedding (not yet of length one).
pub const EMBEDDING: &str = "embedding";
/// Name of the output that holds class scores, where the weights have a classifier.
pub const LOGITS: &str = "logits";

/// What the weights hold on top of the pooled features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heads {
    /// Components of a trained embedding (`embedding.weight`); without one the pooled features are the embedding.
    pub embedding: Option<usize>,
    /// Classes of a classifier (`classifier.weight`).
    pub classes: Option<usize>,
}

impl Heads {
    /// What these weights (native names) hold.
    #[must_use]
    pub fn of(weights: &Weights) -> Self {
        let outputs = |name: &str| weights.shape(name).and_then(|shape| shape.first()).copied();
        Self { embedding: outputs("embedding.weight"), classes: outputs("classifier.weight") }
    }
}

/// EfficientNet for inference. Input (N, 3, H, W), normalised as the weights want it.
#[derive(Debug, Clone)]
pub struct EfficientNet {
    backbone: Backbone,
    head: Pointwise,
    embedding: Option<Linear>,
    classifier: Option<Linear>,
}

impl EfficientNet {
    /// Loads a network in timm's layout: `conv_stem`, `bn1`, `blocks.S.I...`, `conv_head`, `bn2`, `classifier`, and our own
    /// `embedding`. Batch norms may be there or folded in.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention: `vb` is a cheap handle")]
    pub fn load(vb: VarBuilder, config: &Config, heads: Heads) -> Result<Self> {
        let build = Build::folded(config);
        let last = config.blocks().last().map_or(config.stem, |block| block.output);
        let names = ("conv_head", "bn2");
        let head = Pointwise::load(&vb, names, (last, config.head), Some(config.activation), build)?;
        let linear = |name: &str, outputs: usize| {
            let vb = vb.pp(name);
            let bias = vb.contains_tensor("bias").then(|| vb.get(outputs, "bias")).transpose()?;
            Ok::<_, candle_core::Error>(Linear::new(vb.get((outputs, config.head), "weight")?, bias))
        };
        let embedding = heads.embedding.map(|outputs| linear("embedding", outputs)).transpose()?;
        let classifier = heads.classes.map(|outputs| linear("classifier", outputs)).transpose()?;
        Ok(Self { backbone: Backbone::load(&vb, build)?, head, embedding, classifier })
    }

    /// Features before pooling: (N, 3, H, W) -> (N, head, H / 32, W / 32), rounded up.
    ///
    /// # Errors
    /// When candle fails.
    pub fn features(&self, x: &Tensor) -> Result<Tensor> {
        self.head.forward_t(&self.backbone.forward_t(x, false)?, false)
    }
}

impl Network for EfficientNet {
    fn forward(&self, input: &Tensor) -> Result<Vec<(String, Tensor)>> {
        let pooled = pool(&self.features(input)?)?;
        let mut outputs = Vec::with_capacity(2);
        if let Some(classifier) = &self.classifier {
            outputs.push((LOGITS.to_owned(), classifier.forward(&pooled)?));
        }
        let embedding = match &self.embedding {
            Some(embedding) => embedding.forward(&pooled)?,
            None => pooled,
        };
        outputs.push((EMBEDDING.to_owned(), embedding));
        Ok(outputs)
    }

    fn outputs(&self) -> Vec<String> {
        let logits = self.classifier.is_some().then(|| LOGITS.to_owned());
        logits.into_iter().chain([EMBEDDING.to_owned()]).collect()
    }
}
