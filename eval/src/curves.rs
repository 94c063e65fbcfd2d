//! Curves over the confidence threshold, and the threshold with the best F1.

use crate::average_precision::{OperatingPoint, Weights};
use crate::matching::ClassMatches;

/// Precision, recall and F1 as the confidence threshold moves, all given classes together, IoU .50.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfidenceCurve {
    /// Sampled at 0, .01, ..., 1.
    pub points: Vec<OperatingPoint>,
    /// The threshold (a score that occurs) with the highest F1; the higher threshold between equals.
    pub best: Option<OperatingPoint>,
    /// `(recall, precision)` at up to a few hundred scores, for drawing: the raw curve, not made monotone.
    pub precision_recall: Vec<(f64, f64)>,
}

/// Points kept of a raw precision-recall curve.
const MAX_PLOTTED_POINTS: usize = 400;

/// Predictions of several classes in one order, so that a threshold can be moved through all of them.
#[derive(Debug, Clone)]
pub struct Merged {
    /// True boxes by image.
    positives: Vec<(u32, u32)>,
    /// `(score, image, right)`, by falling score; what is ignored at IoU .50 is left out.
    scored: Vec<(f64, u32, bool)>,
}

impl Merged {
    /// Merges classes.
    #[must_use]
    pub fn new<'a>(classes: impl IntoIterator<Item = &'a ClassMatches>) -> Self {
        let mut merged = Self { positives: Vec::new(), scored: Vec::new() };
        for class in classes {
            merged.positives.extend(&class.positives[0]);
            let counted = class.outcomes.iter().filter(|o| o.is_right(0, 0) || o.is_wrong(0, 0));
            merged.scored.extend(counted.map(|o| (o.score, o.image, o.is_right(0, 0))));
        }
        merged.scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        merged
    }

    /// Calls `step` with the state after each distinct score, from the highest: a threshold cannot part equal scores.
    fn walk(&self, weights: Weights<'_>, mut step: impl FnMut(OperatingPoint)) {
        let weight = |image: u32| weights.map_or(1, |w| u64::from(w[image as usize]));
        let positives = self.positives.iter().map(|&(image, count)| u64::from(count) * weight(image)).sum();
        let mut now = OperatingPoint { confidence: f64::INFINITY, right: 0, wrong: 0, positives };
        for &(score, image, right) in &self.scored {
            let weight = weight(image);
            if weight == 0 {
                continue;
            }
            if score != now.confidence && now.confidence.is_finite() {
                step(now);
            }
            now.confidence = score;
            if right {
                now.right += weight;
            } else {
                now.wrong += weight;
            }
        }
        if now.confidence.is_finite() {
            step(now);
        }
    }

    /// The threshold with the highest F1; the higher threshold between equals.
    #[must_use]
    pub fn best(&self, weights: Weights<'_>) -> Option<OperatingPoint> {
        let mut best: Option<OperatingPoint> = None;
        self.walk(weights, |now| {
            if best.is_none_or(|b| now.f1() > b.f1()) {
                best = Some(now);
            }
        });
        best.filter(|b| b.positives > 0)
    }

    /// The whole curve.
    #[must_use]
    pub fn curve(&self) -> ConfidenceCurve {
        let mut steps = Vec::new();
        self.walk(None, |now| steps.push(now));
        let positives = self.positives.iter().map(|p| u64::from(p.1)).sum();
        let sampled = |i: u32| {
            let confidence = f64::from(i) / 100.0;
            let reached = steps.partition_point(|s| s.confidence >= confidence);
            let nothing = OperatingPoint { confidence, right: 0, wrong: 0, positives };
            reached.checked_sub(1).map_or(nothing, |at| OperatingPoint { confidence, ..steps[at] })
        };
        let stride = steps.len().div_ceil(MAX_PLOTTED_POINTS).max(1);
        let last = steps.len().saturating_sub(1);
        let plotted = steps.iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last);
        ConfidenceCurve {
            points: (0..=100).map(sampled).collect(),
            best: self.best(None),
            precision_recall: plotted.filter_map(|(_, s)| Some((s.recall()?, s.precision()?))).collect(),
        }
    }
}

/// Follows the threshold from high to low over the predictions of `classes`.
#[must_use]
pub fn confidence_curve<'a>(classes: impl IntoIterator<Item = &'a ClassMatches>) -> ConfidenceCurve {
    Merged::new(classes).curve()
}
