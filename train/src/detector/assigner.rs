//! Which anchor answers for which object (Feng et al., "TOOD: Task-aligned One-stage Object Detection", 2021, section 3.2).

use super::targets::Truth;
use super::terms::{CompleteIou, Corners};
use detector::anchors::Anchor;

/// How anchors are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AssignerConfig {
    /// Anchors that an object asks for.
    pub topk: usize,
    /// Exponent of the probability of the object's class.
    pub alpha: f64,
    /// Exponent of the overlap with the object's box.
    pub beta: f64,
}

impl Default for AssignerConfig {
    fn default() -> Self {
        Self { topk: 10, alpha: 0.5, beta: 6.0 }
    }
}

/// What an anchor answers for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// Number of the object.
    pub object: usize,
    /// The probability it should give to the object's class: its alignment, scaled so that the best anchor of an object
    /// should give the best overlap that one of them has.
    pub score: f64,
}

/// What the network says now.
pub trait Prediction {
    /// Probability that `anchor` gives to `class`.
    fn probability(&self, anchor: usize, class: usize) -> f64;
    /// The box of `anchor` in pixels of the input.
    fn corners(&self, anchor: usize) -> Corners;
}

/// A bid of an object for an anchor.
#[derive(Clone, Copy)]
struct Bid {
    anchor: usize,
    alignment: f64,
    overlap: f64,
    /// Squared distance of the anchor from the object's centre: decides between equals.
    off: f64,
}

/// Keeps the scale of an object whose anchors are all hopeless finite.
const EPSILON: f64 = 1e-9;

/// For every anchor what it answers for, if anything.
///
/// Each object asks for the `topk` anchors with the largest `probability^alpha * overlap^beta` (overlap: complete IoU, never
/// below zero) among those with their centre inside its box. An anchor that several ask for goes to the one it overlaps
/// most. Objects in which no anchor has its centre get none.
#[must_use]
pub fn assign(
    anchors: &[Anchor],
    objects: &[Truth],
    prediction: &impl Prediction,
    config: &AssignerConfig,
) -> Vec<Option<Assignment>> {
    let mut taken: Vec<Option<(usize, Bid)>> = vec![None; anchors.len()];
    for (object, truth) in objects.iter().enumerate() {
        for bid in bids(anchors, truth, prediction, config) {
            let held = &mut taken[bid.anchor];
            // The first object keeps the anchor when both overlap the same.
            if held.is_none_or(|(_, other)| bid.overlap > other.overlap) {
                *held = Some((object, bid));
            }
        }
    }
    let mut best = vec![(0.0_f64, 0.0_f64); objects.len()];
    for (object, bid) in taken.iter().flatten() {
        let (alignment, overlap) = &mut best[*object];
        *alignment = alignment.max(bid.alignment);
        *overlap = overlap.max(bid.overlap);
    }
    let score = |(object, bid): (usize, Bid)| {
        let (alignment, overlap) = best[object];
        Assignment { object, score: bid.alignment * overlap / (alignment + EPSILON) }
    };
    taken.into_iter().map(|held| held.map(score)).collect()
}

/// The anchors that an object asks for.
fn bids(anchors: &[Anchor], truth: &Truth, prediction: &impl Prediction, config: &AssignerConfig) -> Vec<Bid> {
    let b = &truth.bbox;
    let corners = [b.x1, b.y1, b.x2, b.y2].map(f64::from);
    let (cx, cy) = b.center();
    let inside = |a: &Anchor| a.x > b.x1 && a.x < b.x2 && a.y > b.y1 && a.y < b.y2;
    let mut bids: Vec<Bid> = anchors
        .iter()
        .enumerate()
        .filter(|(_, anchor)| inside(anchor))
        .map(|(anchor, at)| {
            let overlap = CompleteIou::of(&prediction.corners(anchor), &corners).value().max(0.0);
            let probability = prediction.probability(anchor, truth.class);
            let alignment = probability.powf(config.alpha) * overlap.powf(config.beta);
            let off = f64::from(at.x - cx).powi(2) + f64::from(at.y - cy).powi(2);
            Bid { anchor, alignment, overlap, off }
        })
        .collect();
    let better = |a: &Bid, b: &Bid| b.alignment.total_cmp(&a.alignment).then(a.off.total_cmp(&b.off));
    if bids.len() > config.topk && config.topk > 0 {
        bids.select_nth_unstable_by(config.topk - 1, better);
    }
    bids.truncate(config.topk);
    bids
}
