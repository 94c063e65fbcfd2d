//! Folding batch normalisation into the convolution before it: two operations less per block at inference.

use engine::{Backbone, EngineError, Weights};

use super::architecture::BACKBONE_PREFIX;
use super::blocks::BATCH_NORM;

/// The same weights, with every `X.conv.weight` and its `X.bn.*` replaced by the `X.conv.weight` and `X.conv.bias` of the
/// same function:
///
/// `w' = w * gamma / sqrt(variance + eps)`, `b' = beta - mean * gamma / sqrt(variance + eps)`.
///
/// Convolutions without a whole `bn` of their size beside them, and all other tensors, stay as they are.
///
/// # Errors
/// When a tensor holds numbers that are not finite.
pub fn fold_batch_norms(weights: &Weights) -> Result<Weights, EngineError> {
    let blocks = weights.iter().filter_map(|(name, ..)| name.strip_suffix(".conv.weight"));
    let pairs = blocks.map(|block| (format!("{block}.conv"), format!("{block}.bn"))).collect();
    weights.fold_norms(pairs, BATCH_NORM.eps)
}

/// The same for the convolutions of a backbone that is not the head's own.
///
/// # Errors
/// When a tensor holds numbers that are not finite.
pub fn fold_backbone(weights: &Weights, backbone: Option<&dyn Backbone>) -> Result<Weights, EngineError> {
    let Some(backbone) = backbone else { return Ok(weights.clone()) };
    let below = |name: String| format!("{BACKBONE_PREFIX}.{name}");
    let pairs = backbone.norms().into_iter().map(|(conv, norm)| (below(conv), below(norm)));
    weights.fold_norms(pairs.collect(), backbone.norm_epsilon())
}

/// Both: every batch norm of the network folded in, as inference and export want it.
///
/// # Errors
/// When a tensor holds numbers that are not finite.
pub fn fold_all(weights: &Weights, backbone: Option<&dyn Backbone>) -> Result<Weights, EngineError> {
    fold_batch_norms(&fold_backbone(weights, backbone)?)
}
