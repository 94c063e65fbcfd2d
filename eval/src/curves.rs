//! Curves over the confidence threshold, and the threshold with the best F1.

use crate::average_precision::{OperatingPoint, positives};
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
const DRAWN_POINTS: usize = 400;

/// Follows the threshold from high to low over the predictions of `classes`.
#[must_use]
pub fn confidence_curve<'a>(classes: impl IntoIterator<Item = &'a ClassMatches>) -> ConfidenceCurve {
    let mut positive = 0;
    let mut scored: Vec<(f64, bool)> = Vec::new();
    for class in classes {
        positive += positives(class, 0, None);
        let counted = class.outcomes.iter().filter(|o| o.is_right(0, 0) || o.is_wrong(0, 0));
        scored.extend(counted.map(|o| (o.score, o.is_right(0, 0))));
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));

    // One point per distinct score: a threshold cannot part equal scores.
    let mut steps: Vec<OperatingPoint> = Vec::new();
    let mut now = OperatingPoint { confidence: f64::INFINITY, right: 0, wrong: 0, positives: positive };
    for (score, right) in scored {
        if score != now.confidence && now.confidence.is_finite() {
            steps.push(now);
        }
        now.confidence = score;
        now.right += u64::from(right);
        now.wrong += u64::from(!right);
    }
    if now.confidence.is_finite() {
        steps.push(now);
    }

    let best = steps.iter().copied().reduce(|best, step| if step.f1() > best.f1() { step } else { best });
    let sampled = |i: u32| {
        let confidence = f64::from(i) / 100.0;
        let reached = steps.partition_point(|s| s.confidence >= confidence);
        let nothing = OperatingPoint { confidence, right: 0, wrong: 0, positives: positive };
        reached.checked_sub(1).map_or(nothing, |at| OperatingPoint { confidence, ..steps[at] })
    };
    let stride = steps.len().div_ceil(DRAWN_POINTS).max(1);
    let last = steps.len().saturating_sub(1);
    let drawn = steps.iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last);
    ConfidenceCurve {
        points: (0..=100).map(sampled).collect(),
        best: best.filter(|b| b.f1().is_some()),
        precision_recall: drawn.filter_map(|(_, s)| Some((s.recall()?, s.precision()?))).collect(),
    }
}
