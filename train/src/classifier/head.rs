//! What is minimised: softmax over cosines, with a margin that the true class has to make up for.
//!
//! With unit embeddings and unit class centres, `cos` their products, class `y` the true one and `s` the scale:
//!
//! ```text
//! loss = ln( exp(s phi(cos_y)) + sum over c != y of exp(s cos_c) ) - s phi(cos_y)
//! ```
//!
//! | head | `phi(cos)`, with `theta = acos(cos)` |
//! |---|---|
//! | ArcFace (Deng et al. 2019) | `cos(theta + m)`; beyond `theta = pi - m`, where that would rise again, `cos - m sin m` |
//! | CosFace (Wang et al. 2018) | `cos - m` |
//!
//! With sub-centres (Deng et al. 2020) a class has several centres and the nearest counts. The margin may differ by class.
//! Loss and gradient by the cosines are worked out in double precision in plain Rust and handed to the network as the
//! gradient of its cosines, so they are the same on every device.

use candle_core::{D, DType, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

/// How the margin is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginKind {
    /// To the angle.
    #[default]
    ArcFace,
    /// From the cosine.
    CosFace,
}

/// What the loss is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins<'a> {
    /// How margins are added.
    pub kind: MarginKind,
    /// One a class, in radians or cosine.
    pub by_class: &'a [f64],
    /// What cosines are multiplied by.
    pub scale: f64,
    /// Centres of a class.
    pub sub_centers: usize,
}

/// Keeps the slope finite where embedding and centre coincide: below this, `sin(theta)^2` counts as constant.
const MIN_SQUARED_SINE: f64 = 1e-6;

impl MarginKind {
    /// `phi` of a cosine, and its derivative. Cosines beyond one, which rounding makes, are cut.
    #[must_use]
    pub fn apply(self, cosine: f64, margin: f64) -> (f64, f64) {
        let cosine = cosine.clamp(-1.0, 1.0);
        match self {
            Self::CosFace => (cosine - margin, 1.0),
            Self::ArcFace if cosine <= (std::f64::consts::PI - margin).cos() => (cosine - margin * margin.sin(), 1.0),
            Self::ArcFace => {
                let squared = 1.0 - cosine * cosine;
                let sine = squared.max(MIN_SQUARED_SINE).sqrt();
                let slope = if squared > MIN_SQUARED_SINE { cosine / sine } else { 0.0 };
                (cosine * margin.cos() - sine * margin.sin(), margin.cos() + margin.sin() * slope)
            }
        }
    }
}

/// Loss of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginLoss {
    /// Mean over the batch.
    pub loss: f64,
    /// Its derivative by every cosine.
    pub gradient: Vec<f64>,
    /// Images whose nearest class, without margins, is the true one.
    pub right: usize,
}

/// The loss of `cosines`, a row of classes times sub-centres for each of `labels`.
///
/// # Panics
/// When a label or the length of `cosines` does not fit the margins: errors of the caller.
#[must_use]
pub fn margin_softmax(cosines: &[f64], labels: &[usize], margins: &Margins<'_>) -> MarginLoss {
    let (classes, centers) = (margins.by_class.len(), margins.sub_centers.max(1));
    assert_eq!(cosines.len(), labels.len() * classes * centers, "a row of classes times sub-centres a label");
    let mut gradient = vec![0.0; cosines.len()];
    let (mut loss, mut right) = (0.0, 0);
    let weight = 1.0 / labels.len().max(1) as f64;
    let mut logits = vec![0.0; classes];
    let mut nearest = vec![0; classes];
    for ((row, out), &label) in
        cosines.chunks_exact(classes * centers).zip(gradient.chunks_exact_mut(classes * centers)).zip(labels)
    {
        for class in 0..classes {
            let own = &row[class * centers..][..centers];
            let best = (0..centers).max_by(|&a, &b| own[a].total_cmp(&own[b])).unwrap_or_default();
            nearest[class] = class * centers + best;
            logits[class] = own[best];
        }
        let cosine = logits[label];
        right += usize::from((0..classes).all(|class| class == label || logits[class] < cosine));
        let (phi, slope) = margins.kind.apply(cosine, margins.by_class[label]);
        logits[label] = phi;
        logits.iter_mut().for_each(|logit| *logit *= margins.scale);
        let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|logit| (logit - highest).exp()).sum();
        loss += weight * (sum.ln() + highest - logits[label]);
        for class in 0..classes {
            let probability = (logits[class] - highest).exp() / sum;
            let by_logit = if class == label { (probability - 1.0) * slope } else { probability };
            out[nearest[class]] = weight * margins.scale * by_logit;
        }
    }
    MarginLoss { loss, gradient, right }
}

/// The centres of all classes.
#[derive(Debug, Clone)]
pub struct Head {
    weight: Tensor,
}

/// What a head says of a batch.
#[derive(Debug)]
pub struct HeadLoss {
    /// A number whose gradient is that of the loss: `backward` starts here. Its value means nothing.
    pub objective: Tensor,
    /// Mean over the batch.
    pub loss: f64,
    /// Images whose nearest class is the true one.
    pub right: usize,
}

impl Head {
    /// Loads `weight` (classes times sub-centres, components), or draws directions.
    ///
    /// # Errors
    /// When the tensor has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, centers: usize, dimension: usize) -> Result<Self> {
        let init = Init::Randn { mean: 0.0, stdev: 1.0 / (dimension as f64).sqrt() };
        Ok(Self { weight: vb.get_with_hints((centers, dimension), "weight", init)? })
    }

    /// A head of these centres.
    #[must_use]
    pub const fn new(weight: Tensor) -> Self {
        Self { weight }
    }

    /// Cosines of embeddings (B, D), of any length, with all centres: (B, centres).
    ///
    /// # Errors
    /// When candle fails.
    pub fn cosines(&self, embeddings: &Tensor) -> Result<Tensor> {
        unit(embeddings)?.matmul(&unit(&self.weight)?.t()?)
    }

    /// The loss of embeddings (B, D).
    ///
    /// # Errors
    /// When shapes do not fit or candle fails.
    pub fn loss(&self, embeddings: &Tensor, labels: &[usize], margins: &Margins<'_>) -> Result<HeadLoss> {
        let cosines = self.cosines(embeddings)?;
        let wanted = (labels.len(), margins.by_class.len() * margins.sub_centers.max(1));
        if cosines.dims2()? != wanted || labels.iter().any(|&label| label >= margins.by_class.len()) {
            bail!(
                "cosines of {:?} where {wanted:?} are wanted, for labels up to {:?}",
                cosines.dims(),
                labels.iter().max()
            );
        }
        let values = cosines.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let found = margin_softmax(&values, labels, margins);
        let gradient = Tensor::from_vec(found.gradient, wanted, &candle_core::Device::Cpu)?
            .to_dtype(cosines.dtype())?
            .to_device(cosines.device())?;
        Ok(HeadLoss { objective: (cosines * gradient)?.sum_all()?, loss: found.loss, right: found.right })
    }
}

/// Rows of length one. A row of zeros stays one.
///
/// # Errors
/// When candle fails.
pub fn unit(rows: &Tensor) -> Result<Tensor> {
    let length = (rows.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    rows.broadcast_div(&length)
}

/// Margins that grow as classes get smaller: from `margin` for the class with most images to `rarest` for the one with
/// fewest, along `n^(-1/4)` (Ha et al. 2020, Google Landmark Recognition).
#[must_use]
pub fn margins_by_size(counts: &[usize], margin: f64, rarest: f64) -> Vec<f64> {
    let power = |count: usize| (count.max(1) as f64).powf(-0.25);
    let all = counts.iter().map(|&count| power(count));
    let (low, high) = (all.clone().fold(f64::INFINITY, f64::min), all.fold(0.0, f64::max));
    let place = |count: usize| if high > low { (power(count) - low) / (high - low) } else { 0.0 };
    counts.iter().map(|&count| margin + (rarest - margin) * place(count)).collect()
}
