//! Whether a score of 0.8 is right 80 % of the time.

use crate::average_precision::Weights;
use crate::{Matches, QuerySet};

/// Bins of equal width over `0..=1`.
pub const BINS: usize = 15;

/// One statement with a confidence that turned out right or wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// In `0..=1`; outside is clamped.
    pub confidence: f64,
    /// Whether it was right.
    pub right: bool,
    /// Index of its image.
    pub image: u32,
}

/// Claims within one range of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// Number of claims.
    pub count: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// Fraction that was right.
    pub accuracy: f64,
}

/// A reliability diagram and its errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// [`BINS`] bins, lowest confidence first; bin `i` holds confidences in `(i/15, (i+1)/15]`, the first also 0.
    pub bins: Vec<Bin>,
    /// Expected calibration error: mean gap between confidence and accuracy, weighted by bin size (Guo et al. 2017).
    pub expected_error: Option<f64>,
    /// The largest gap of a bin that holds anything.
    pub largest_error: Option<f64>,
}

/// Bins claims, each counting as often as its image.
#[must_use]
pub fn reliability(claims: &[Claim], weights: Weights<'_>) -> Reliability {
    let mut sums = [(0_u64, 0.0, 0_u64); BINS];
    for claim in claims {
        let weight = weights.map_or(1, |w| u64::from(w[claim.image as usize]));
        let confidence = claim.confidence.clamp(0.0, 1.0);
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        sums[bin].0 += weight;
        sums[bin].1 += confidence * weight as f64;
        sums[bin].2 += weight * u64::from(claim.right);
    }
    let bins: Vec<Bin> = sums
        .iter()
        .map(|&(count, confidence, right)| match count {
            0 => Bin::default(),
            n => Bin { count, confidence: confidence / n as f64, accuracy: right as f64 / n as f64 },
        })
        .collect();
    let total: u64 = bins.iter().map(|b| b.count).sum();
    let gaps = || bins.iter().filter(|b| b.count > 0).map(|b| (b.count, (b.accuracy - b.confidence).abs()));
    Reliability {
        expected_error: (total > 0).then(|| gaps().map(|(n, gap)| gap * n as f64).sum::<f64>() / total as f64),
        largest_error: gaps().map(|(_, gap)| gap).reduce(f64::max),
        bins,
    }
}

/// What a detector claims: each prediction with its confidence, right when it finds a true box of its class at IoU .50. Those
/// below their class's own of the `confidences` are left out.
#[must_use]
pub fn detection_claims(matches: &Matches, confidences: &[f64]) -> Vec<Claim> {
    let classes = matches.classes.iter().zip(confidences);
    let outcomes = classes.flat_map(|(class, min)| class.outcomes.iter().filter(move |o| o.score >= *min));
    let counted = outcomes.filter(|o| o.is_right(0, 0) || o.is_wrong(0, 0));
    counted.map(|o| Claim { confidence: o.score, right: o.is_right(0, 0), image: o.image }).collect()
}

/// What an identification claims: the best candidate, with the probability that was stated (unknown crops are always wrong).
/// Where none was, its cosine similarity is read as one; it is none, and this says how far off reading it so would be.
#[must_use]
pub fn identification_claims(set: &QuerySet) -> Vec<Claim> {
    let claim = |q: crate::Query<'_>| {
        q.best().map(|best| Claim {
            confidence: q.stated.probability.unwrap_or(best.similarity),
            right: q.is_within(1),
            image: q.image,
        })
    };
    set.iter().filter_map(claim).collect()
}
