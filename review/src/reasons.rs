//! Why a facing is worth a person's look, and how much.

use store::Reason;
use vision::{Reason as Decided, RecognizedItem, SkuStatus};

use crate::config::Samplers;

/// What is known of a facing beside its own decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surroundings {
    /// A number sampled from `0..1` for this facing.
    pub sampled: f32,
    /// Minimum similarity with which its SKU is known.
    pub threshold: f32,
    /// Similarity to the nearest facing that was queued before; `None` when nothing was.
    pub nearest_queued: Option<f32>,
    /// Exemplars of the SKU it was taken for.
    pub exemplars: Option<usize>,
}

/// Why, the foremost first, and how uncertain in `0..=1`. Nothing when it is not worth a look.
///
/// | reason | uncertainty |
/// |---|---|
/// | random | 0.5 |
/// | unknown | 1 for what is far from everything, 0.7 just below the threshold: new products teach most |
/// | small margin, near threshold | 1 on the line, 0 at its end |
/// | low similarity, low confidence | half of the fraction that is missing |
/// | disagreement | 0.8 |
/// | novelty, rare SKU | 0.6, 0.4 |
///
/// The largest counts; each further reason adds a twentieth.
#[must_use]
pub fn reasons(item: &RecognizedItem, around: &Surroundings, samplers: &Samplers) -> (Vec<Reason>, f32) {
    let decision = &item.decision;
    let mut found: Vec<(Reason, f32)> = Vec::new();
    let below = |value: f32, limit: f32| limit > 0.0 && value < limit;
    // A person has said what it is not; asking again would be impolite.
    let refused = decision.reason == Decided::NotAContainer;
    let known = decision.status != SkuStatus::Unknown;
    let ratio = (decision.similarity / around.threshold.max(f32::EPSILON)).clamp(0.0, 1.0);
    if samplers.unknown && decision.status == SkuStatus::Unknown && !refused {
        found.push((Reason::Unknown, 1.0 - 0.3 * ratio));
    }
    // Of what is unknown, it says nothing which of two strangers is nearer.
    if known && decision.candidates.len() > 1 && below(decision.margin, samplers.small_margin) {
        found.push((Reason::SmallMargin, 1.0 - (decision.margin / samplers.small_margin).clamp(0.0, 1.0)));
    }
    let distance = (decision.similarity - around.threshold).abs();
    if !decision.candidates.is_empty() && below(distance, samplers.near_threshold) && !refused {
        found.push((Reason::NearThreshold, 1.0 - distance / samplers.near_threshold));
    }
    if known && below(decision.similarity, samplers.low_similarity) {
        found.push((Reason::LowSimilarity, 0.5 * (1.0 - decision.similarity / samplers.low_similarity)));
    }
    if below(item.detection.confidence, samplers.low_confidence) {
        found.push((Reason::LowConfidence, 0.5 * (1.0 - item.detection.confidence / samplers.low_confidence)));
    }
    if !refused && below(around.nearest_queued.unwrap_or(0.0), samplers.novelty) {
        found.push((Reason::Novelty, 0.6));
    }
    if samplers.disagreement && item.disagreement && !refused {
        found.push((Reason::Disagreement, 0.8));
    }
    if known && around.exemplars.is_some_and(|count| count < samplers.rare_sku) {
        found.push((Reason::RareSku, 0.4));
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    // First, whatever else holds: the estimate rests on all facings that were sampled, not on those left over.
    if around.sampled < samplers.random_ratio {
        found.insert(0, (Reason::Random, 0.5));
    }
    let largest = found.iter().map(|(_, uncertainty)| *uncertainty).fold(0.0, f32::max);
    let uncertainty = (largest + 0.05 * found.len().saturating_sub(1) as f32).clamp(0.01, 1.0);
    (found.into_iter().map(|(reason, _)| reason).collect(), uncertainty)
}
