//! Folding batch normalisation into the convolution before it: two operations less per block at inference.

use engine::{EngineError, Weights};

use super::blocks::BATCH_NORM;

const PARTS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

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
    let channels = |block: &str| {
        let [channels, ..] = *weights.shape(&format!("{block}.conv.weight"))? else { return None };
        let fits = |part: &&str| weights.shape(&format!("{block}.bn.{part}")) == Some(&[channels]);
        PARTS.iter().all(fits).then_some(channels)
    };
    let goes = |name: &str| name.split_once(".bn.").is_some_and(|(block, _)| channels(block).is_some());
    let mut folded = weights.renamed(|name| (!goes(name)).then(|| name.to_owned()))?;
    for (name, shape, kernel) in weights.iter() {
        let Some(block) = name.strip_suffix(".conv.weight") else { continue };
        let Some(channels) = channels(block) else { continue };
        let take = |part: &str| weights.take(&format!("{block}.bn.{part}"), &[channels]);
        let (gamma, beta, mean, variance) =
            (take("weight")?, take("bias")?, take("running_mean")?, take("running_var")?);
        let factor = |c: usize| f64::from(gamma[c]) / (f64::from(variance[c]) + BATCH_NORM.eps).sqrt();

        let per_channel = (kernel.len() / channels.max(1)).max(1);
        let scaled = kernel.iter().enumerate().map(|(i, &w)| (f64::from(w) * factor(i / per_channel)) as f32).collect();
        let bias = (0..channels).map(|c| (f64::from(beta[c]) - f64::from(mean[c]) * factor(c)) as f32).collect();
        folded.insert(name, shape, scaled)?;
        folded.insert(format!("{block}.conv.bias"), &[channels], bias)?;
    }
    Ok(folded)
}
