//! The network in training, and the same as it is served.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use engine::efficientnet::layers::{Pointwise, pool};
use engine::efficientnet::{Backbone, Build, Config, Norms};
use engine::ops::widen;
use engine::{EngineError, Weights};

use classifier::model::Architecture;

/// Weight of a batch's statistics in the running ones.
const NORM_MOMENTUM: f64 = 0.1;
/// Tensors of the metric head, which is not served.
pub const HEAD: &str = "metric_head";
/// The projection of the pooled features, and its norm.
pub(super) const EMBEDDING: &str = "embedding";
pub(super) const EMBEDDING_NORM: &str = "embedding_norm";

/// EfficientNet with live batch norms, and an embedding with one of its own (Deng et al. 2019, option E).
#[derive(Debug, Clone)]
pub struct TrainingNetwork {
    backbone: Backbone,
    head: Pointwise,
    embedding: Pointwise,
}

impl TrainingNetwork {
    /// Loads or initialises.
    ///
    /// # Errors
    /// When a tensor has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, config: &Config, dimension: usize) -> Result<Self> {
        let build = Build { config, norms: Norms::Live { momentum: NORM_MOMENTUM } };
        let last = config.blocks().last().map_or(config.stem, |block| block.output);
        let head = Pointwise::load(&vb, ("conv_head", "bn2"), (last, config.head), Some(config.activation), build)?;
        let embedding = Pointwise::load(&vb, (EMBEDDING, EMBEDDING_NORM), (config.head, dimension), None, build)?;
        Ok(Self { backbone: Backbone::load(&vb, build)?, head, embedding })
    }

    /// (B, 3, H, W) to embeddings (B, D) of any length. `mask` (B, features) multiplies the pooled features: dropout.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, mask: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let pooled = widen(&pool(&self.head.forward_t(&self.backbone.forward_t(x, train)?, train)?)?)?;
        let pooled = match mask {
            Some(mask) => (pooled * mask)?,
            None => pooled,
        };
        let (batch, features) = pooled.dims2()?;
        // The images lie side by side as the pixels of one: a single matrix product.
        let columns = pooled.t()?.contiguous()?.reshape((1, features, batch, 1))?;
        let embedded = self.embedding.forward_t(&columns, train)?;
        let dimension = embedded.dim(1)?;
        embedded.reshape((dimension, batch))?.t()?.contiguous()
    }
}

/// Weights of a training network as `EfficientNet::load` takes them: the norm of the embedding folded in, the metric head
/// left out.
///
/// # Errors
/// When a number is not finite.
pub fn served(weights: &Weights, architecture: Architecture) -> std::result::Result<Weights, EngineError> {
    let own = weights.renamed(|name| (!name.starts_with(HEAD)).then(|| name.to_owned()))?;
    let pair = (EMBEDDING.to_owned(), EMBEDDING_NORM.to_owned());
    let mut own = own.fold_norms(vec![pair], architecture.config().norm_epsilon)?;
    reshape(&mut own, |shape| match *shape {
        [outputs, inputs, 1, 1] => Some(vec![outputs, inputs]),
        _ => None,
    })?;
    Ok(own)
}

/// Native weights as a training network starts from them: an embedding keeps its directions.
///
/// # Errors
/// When a number is not finite.
pub fn start(weights: &Weights) -> std::result::Result<Weights, EngineError> {
    let mut own = weights.renamed(|name| match name {
        "embedding.bias" => Some(format!("{EMBEDDING_NORM}.bias")),
        name if name.starts_with("classifier.") => None,
        name => Some(name.to_owned()),
    })?;
    reshape(&mut own, |shape| match *shape {
        [outputs, inputs] => Some(vec![outputs, inputs, 1, 1]),
        _ => None,
    })?;
    Ok(own)
}

fn reshape(
    weights: &mut Weights,
    shape: impl Fn(&[usize]) -> Option<Vec<usize>>,
) -> std::result::Result<(), EngineError> {
    let name = format!("{EMBEDDING}.weight");
    let Some(old) = weights.shape(&name).map(<[usize]>::to_vec) else { return Ok(()) };
    if let Some(new) = shape(&old) {
        let values = weights.take(&name, &old)?.to_vec();
        weights.insert(name, &new, values)?;
    }
    Ok(())
}
