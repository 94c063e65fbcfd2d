//! The network in training, and the same as it is served.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use engine::backbone::{Features, Norms};
use engine::ops::{Activation, BatchNorm, BatchNormConfig, Conv2d, channel_means, conv2d, widen};
use engine::{Backbone, EngineError, Weights};

/// Weight of a batch's statistics in the running ones.
const NORM_MOMENTUM: f64 = 0.1;
/// Tensors of the metric head, which is not served.
pub const HEAD: &str = "metric_head";
/// The projection of the pooled features, and its norm.
pub(super) const EMBEDDING: &str = "embedding";
pub(super) const EMBEDDING_NORM: &str = "embedding_norm";

/// A backbone with live batch norms, and an embedding with one of its own (Deng et al. 2019, option E).
#[derive(Debug, Clone)]
pub struct TrainingNetwork {
    backbone: Arc<dyn Features>,
    /// (D, features, 1, 1), and the norm of what it gives.
    embedding: (Tensor, BatchNorm),
}

impl TrainingNetwork {
    /// Loads or initialises.
    ///
    /// # Errors
    /// When a tensor has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, backbone: &dyn Backbone, dimension: usize) -> Result<Self> {
        // Normal, of variance `2 / fan out` (He et al. 2015).
        let init = Init::Randn { mean: 0.0, stdev: (2.0 / dimension as f64).sqrt() };
        let weight = vb.pp(EMBEDDING).get_with_hints((dimension, backbone.features(), 1, 1), "weight", init)?;
        let norm = BatchNormConfig { eps: backbone.norm_epsilon(), momentum: NORM_MOMENTUM };
        let norm = BatchNorm::load(dimension, norm, vb.pp(EMBEDDING_NORM))?;
        let backbone = backbone.load_features(&vb, Norms::Live { momentum: NORM_MOMENTUM })?;
        Ok(Self { backbone, embedding: (weight, norm) })
    }

    /// (B, 3, H, W) to embeddings (B, D) of any length. `mask` (B, features) multiplies the pooled features: dropout.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, mask: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let pooled = widen(&channel_means(&self.backbone.forward_t(x, train)?)?)?;
        let pooled = match mask {
            Some(mask) => (pooled * mask)?,
            None => pooled,
        };
        let (batch, features) = pooled.dims2()?;
        // The images lie side by side as the pixels of one: a single matrix product.
        let columns = pooled.t()?.contiguous()?.reshape((1, features, batch, 1))?;
        let (weight, norm) = &self.embedding;
        let embedded = conv2d(&columns, weight, None, Conv2d::default())?;
        let embedded = norm.forward_t(&embedded, train, Activation::Identity)?;
        let dimension = embedded.dim(1)?;
        embedded.reshape((dimension, batch))?.t()?.contiguous()
    }
}

/// Weights of a training network as `EmbedderNetwork::load` takes them: the norm of the embedding folded in, the metric head
/// left out.
///
/// # Errors
/// When a number is not finite.
pub fn served(weights: &Weights, backbone: &dyn Backbone) -> std::result::Result<Weights, EngineError> {
    let own = weights.renamed(|name| (!name.starts_with(HEAD)).then(|| name.to_owned()))?;
    let pair = (EMBEDDING.to_owned(), EMBEDDING_NORM.to_owned());
    let mut own = own.fold_norms(vec![pair], backbone.norm_epsilon())?;
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
