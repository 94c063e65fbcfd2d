//! Folding batch normalisation into the convolution before it: two operations less per block at inference.

use std::collections::BTreeSet;

use super::Weights;
use crate::EngineError;

const PARTS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

impl Weights {
    /// The same weights, with the `weight` of every layer and the four tensors of the norm after it replaced by the `weight`
    /// and `bias` of the same function: `w' = w * gamma / sqrt(variance + epsilon)`,
    /// `b' = beta - mean * gamma / sqrt(variance + epsilon)`. `pairs` names layers and norms by the prefixes of their
    /// tensors; pairs that are not whole, and all other tensors, stay as they are.
    ///
    /// # Errors
    /// When a tensor holds numbers that are not finite.
    pub fn fold_norms(&self, pairs: Vec<(String, String)>, epsilon: f64) -> Result<Self, EngineError> {
        let whole = |(conv, norm): &(String, String)| {
            let Some([channels, ..]) = self.shape(&format!("{conv}.weight")) else { return false };
            PARTS.iter().all(|part| self.shape(&format!("{norm}.{part}")) == Some(&[*channels]))
        };
        let pairs: Vec<(String, String)> = pairs.into_iter().filter(whole).collect();
        let norms: BTreeSet<&str> = pairs.iter().map(|(_, norm)| norm.as_str()).collect();
        let goes = |name: &str| name.rsplit_once('.').is_some_and(|(parent, _)| norms.contains(parent));
        let mut folded = self.renamed(|name| (!goes(name)).then(|| name.to_owned()))?;
        for (conv, norm) in &pairs {
            let name = format!("{conv}.weight");
            let shape = self.shape(&name).unwrap_or_default();
            let channels = shape.first().copied().unwrap_or_default();
            let kernel = self.take(&name, shape)?;
            let take = |part: &str| self.take(&format!("{norm}.{part}"), &[channels]);
            let (gamma, beta, mean, variance) =
                (take("weight")?, take("bias")?, take("running_mean")?, take("running_var")?);
            let factor = |c: usize| f64::from(gamma[c]) / (f64::from(variance[c]) + epsilon).sqrt();

            let per_channel = (kernel.len() / channels.max(1)).max(1);
            let scaled =
                kernel.iter().enumerate().map(|(i, &w)| (f64::from(w) * factor(i / per_channel)) as f32).collect();
            let bias = (0..channels).map(|c| (f64::from(beta[c]) - f64::from(mean[c]) * factor(c)) as f32).collect();
            folded.insert(name, shape, scaled)?;
            folded.insert(format!("{conv}.bias"), &[channels], bias)?;
        }
        Ok(folded)
    }
}
