//! Folding batch normalisation into the convolution before it: two operations less per block at inference.

use std::collections::BTreeSet;

use engine::efficientnet::layout;
use engine::{EngineError, Weights};

use super::BackboneKind;
use super::architecture::TRUNK;
use super::blocks::BATCH_NORM;

const PARTS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// A convolution and the batch norm after it.
struct Pair {
    /// Prefix of its `weight` and, afterwards, `bias`.
    conv: String,
    /// Prefix of `weight`, `bias`, `running_mean` and `running_var`.
    norm: String,
}

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
    let pairs = blocks.map(|block| Pair { conv: format!("{block}.conv"), norm: format!("{block}.bn") }).collect();
    fold(weights, pairs, BATCH_NORM.eps)
}

/// The same for the convolutions of the EfficientNet that is the backbone, if one is.
///
/// # Errors
/// When a tensor holds numbers that are not finite.
pub fn fold_trunk(weights: &Weights, backbone: BackboneKind) -> Result<Weights, EngineError> {
    let BackboneKind::EfficientNet(architecture) = backbone else { return Ok(weights.clone()) };
    let config = architecture.config();
    let below = |name: String| format!("{TRUNK}.{name}");
    let pairs = layout::norms(&config).into_iter().map(|(conv, norm)| Pair { conv: below(conv), norm: below(norm) });
    fold(weights, pairs.collect(), config.norm_epsilon)
}

/// Both: every batch norm of the network folded in, as inference and export want it.
///
/// # Errors
/// When a tensor holds numbers that are not finite.
pub fn fold_all(weights: &Weights, backbone: BackboneKind) -> Result<Weights, EngineError> {
    fold_batch_norms(&fold_trunk(weights, backbone)?)
}

fn fold(weights: &Weights, pairs: Vec<Pair>, epsilon: f64) -> Result<Weights, EngineError> {
    let whole = |pair: &Pair| {
        let Some([channels, ..]) = weights.shape(&format!("{}.weight", pair.conv)) else { return false };
        PARTS.iter().all(|part| weights.shape(&format!("{}.{part}", pair.norm)) == Some(&[*channels]))
    };
    let pairs: Vec<Pair> = pairs.into_iter().filter(whole).collect();
    let norms: BTreeSet<&str> = pairs.iter().map(|pair| pair.norm.as_str()).collect();
    let goes = |name: &str| name.rsplit_once('.').is_some_and(|(parent, _)| norms.contains(parent));
    let mut folded = weights.renamed(|name| (!goes(name)).then(|| name.to_owned()))?;
    for Pair { conv, norm } in &pairs {
        let name = format!("{conv}.weight");
        let shape = weights.shape(&name).unwrap_or_default();
        let channels = shape.first().copied().unwrap_or_default();
        let kernel = weights.take(&name, shape)?;
        let take = |part: &str| weights.take(&format!("{norm}.{part}"), &[channels]);
        let (gamma, beta, mean, variance) =
            (take("weight")?, take("bias")?, take("running_mean")?, take("running_var")?);
        let factor = |c: usize| f64::from(gamma[c]) / (f64::from(variance[c]) + epsilon).sqrt();

        let per_channel = (kernel.len() / channels.max(1)).max(1);
        let scaled = kernel.iter().enumerate().map(|(i, &w)| (f64::from(w) * factor(i / per_channel)) as f32).collect();
        let bias = (0..channels).map(|c| (f64::from(beta[c]) - f64::from(mean[c]) * factor(c)) as f32).collect();
        folded.insert(name, shape, scaled)?;
        folded.insert(format!("{conv}.bias"), &[channels], bias)?;
    }
    Ok(folded)
}
