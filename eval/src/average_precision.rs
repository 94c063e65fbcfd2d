//! COCO's average precision: 101 recall points, precision made monotone, mean over thresholds and present classes.
//!
//! Everything is computed under weights of images. All ones is the plain metric; zeros and ones are a slice; the
//! multiplicities of a resample are a bootstrap replicate. One sorted list per class serves all of them.

use rayon::prelude::*;

use crate::matching::{ClassMatches, Matches, THRESHOLDS};

/// Recall points at which precision is read.
pub const RECALL_POINTS: usize = 101;

/// COCO's recall points 0, .01, ..., 1, to the last bit as `numpy.linspace` gives them.
#[must_use]
pub fn recall_points() -> [f64; RECALL_POINTS] {
    let step = 1.0 / (RECALL_POINTS - 1) as f64;
    let mut points = std::array::from_fn(|i| i as f64 * step);
    points[RECALL_POINTS - 1] = 1.0;
    points
}

/// How often each image counts. `None` means once each.
pub type Weights<'a> = Option<&'a [u32]>;

#[inline]
fn weight(weights: Weights<'_>, image: u32) -> u64 {
    weights.map_or(1, |w| u64::from(w[image as usize]))
}

/// One class under one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCurve {
    /// True boxes that count.
    pub positives: u64,
    /// Recall after the last prediction, per threshold.
    pub recall: [f64; THRESHOLDS],
    /// Interpolated precision at each recall point, per threshold.
    pub precision: Vec<[f64; RECALL_POINTS]>,
}

impl ClassCurve {
    /// Average precision at a threshold: the mean over the recall points.
    #[must_use]
    pub fn ap(&self, threshold: usize) -> f64 {
        self.precision[threshold].iter().sum::<f64>() / RECALL_POINTS as f64
    }
}

/// Which boxes of a class count.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Index into [`SizeRange::EACH`](crate::SizeRange::EACH).
    pub size: usize,
    /// Predictions per class and image that count; at most what the matching looked at.
    pub max_detections: usize,
    /// How often each image counts.
    pub weights: Weights<'a>,
}

impl Setting<'_> {
    /// Every size, as many predictions as were matched, every image once.
    #[must_use]
    pub fn plain(matches: &Matches) -> Self {
        Self { size: 0, max_detections: matches.max_detections, weights: None }
    }
}

/// Number of true boxes that count.
#[must_use]
pub fn positives(class: &ClassMatches, size: usize, weights: Weights<'_>) -> u64 {
    class.positives[size].iter().map(|&(image, count)| u64::from(count) * weight(weights, image)).sum()
}

/// Precision at the recall points of one class; `None` when no true box counts (the class is absent, not bad).
#[must_use]
pub fn class_curve(class: &ClassMatches, setting: Setting<'_>) -> Option<ClassCurve> {
    let positives = positives(class, setting.size, setting.weights);
    if positives == 0 {
        return None;
    }
    let mut curves = [Accumulator::default(); THRESHOLDS];
    accumulate(class, setting, positives as f64, &mut curves);
    Some(ClassCurve {
        positives,
        recall: curves.map(|c| c.right as f64 / positives as f64),
        precision: curves.iter().map(Accumulator::interpolated).collect(),
    })
}

/// AP at the first `N` thresholds, without keeping curves: the inner loop of the bootstrap.
fn class_ap<const N: usize>(class: &ClassMatches, setting: Setting<'_>) -> Option<[f64; N]> {
    let positives = positives(class, setting.size, setting.weights);
    if positives == 0 {
        return None;
    }
    let mut curves = [Accumulator::default(); N];
    accumulate(class, setting, positives as f64, &mut curves);
    Some(curves.map(|c| c.interpolated().iter().sum::<f64>() / RECALL_POINTS as f64))
}

fn accumulate<const N: usize>(
    class: &ClassMatches,
    setting: Setting<'_>,
    positives: f64,
    curves: &mut [Accumulator; N],
) {
    let points = recall_points();
    let Setting { size, max_detections, weights } = setting;
    for outcome in &class.outcomes {
        let weight = weight(weights, outcome.image);
        if weight == 0 || outcome.rank as usize >= max_detections {
            continue;
        }
        let (matched, ignored) = (outcome.matched[size], outcome.ignored[size]);
        for (t, curve) in curves.iter_mut().enumerate() {
            if ignored >> t & 1 == 1 {
                continue;
            }
            if matched >> t & 1 == 1 {
                curve.right(weight, positives, &points);
            } else {
                curve.wrong += weight;
            }
        }
    }
}

/// Running sums of one threshold. Only true positives move recall, and precision falls between them, so the envelope
/// needs the precision at true positives alone: the best one seen in each interval between recall points.
#[derive(Debug, Clone, Copy)]
struct Accumulator {
    right: u64,
    wrong: u64,
    reached: usize,
    best: [f64; RECALL_POINTS],
}

impl Default for Accumulator {
    fn default() -> Self {
        Self { right: 0, wrong: 0, reached: 0, best: [0.0; RECALL_POINTS] }
    }
}

impl Accumulator {
    #[inline]
    fn right(&mut self, weight: u64, positives: f64, points: &[f64; RECALL_POINTS]) {
        self.right += weight;
        let right = self.right as f64;
        let recall = right / positives;
        while self.reached + 1 < RECALL_POINTS && recall >= points[self.reached + 1] {
            self.reached += 1;
        }
        // pycocotools adds 2.2e-16 below the line against 0 / 0. Here something is right, and a perfect result stays 1.
        let precision = right / (self.wrong as f64 + right);
        let best = &mut self.best[self.reached];
        *best = best.max(precision);
    }

    fn interpolated(&self) -> [f64; RECALL_POINTS] {
        let mut precision = self.best;
        for at in (0..RECALL_POINTS - 1).rev() {
            precision[at] = precision[at].max(precision[at + 1]);
        }
        precision
    }
}

/// Mean of what is there; `None` when nothing is.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0_usize), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// `(AP50, AP50-95)`, means over the classes present.
#[must_use]
pub fn mean_ap(matches: &Matches, weights: Weights<'_>) -> (Option<f64>, Option<f64>) {
    let setting = Setting { weights, ..Setting::plain(matches) };
    let aps: Vec<[f64; THRESHOLDS]> = matches.classes.iter().filter_map(|c| class_ap(c, setting)).collect();
    let all = mean(aps.iter().map(|ap| ap.iter().sum::<f64>() / THRESHOLDS as f64));
    (mean(aps.iter().map(|ap| ap[0])), all)
}

/// COCO's summary. `None` where no true box counts (pycocotools prints -1 there).
#[derive(Debug, Clone, PartialEq)]
pub struct CocoSummary {
    /// AP over IoU .50:.05:.95.
    pub map50_95: Option<f64>,
    /// AP at IoU .50.
    pub map50: Option<f64>,
    /// AP at IoU .75.
    pub map75: Option<f64>,
    /// AP over IoU .50:.05:.95 of small, medium and large boxes.
    pub map_by_size: [Option<f64>; 3],
    /// AP at IoU .50 of small, medium and large boxes.
    pub map50_by_size: [Option<f64>; 3],
    /// Mean over thresholds and classes of the recall with at most 1, 10, 100 and the matching's own number of predictions.
    pub average_recall: [(usize, Option<f64>); 4],
    /// The same of small, medium and large boxes, with the matching's own number of predictions.
    pub average_recall_by_size: [Option<f64>; 3],
    /// Per class, with all sizes; `None` for absent classes.
    pub classes: Vec<Option<ClassCurve>>,
}

/// Sums a matching up as COCO does.
#[must_use]
pub fn summarize(matches: &Matches, weights: Weights<'_>) -> CocoSummary {
    let curves = |size: usize, max_detections: usize| -> Vec<Option<ClassCurve>> {
        matches.classes.par_iter().map(|c| class_curve(c, Setting { size, max_detections, weights })).collect()
    };
    let over =
        |curves: &[Option<ClassCurve>], value: &dyn Fn(&ClassCurve) -> f64| mean(curves.iter().flatten().map(value));
    let at = |t: usize| move |c: &ClassCurve| c.ap(t);
    let all_thresholds = |c: &ClassCurve| (0..THRESHOLDS).map(|t| c.ap(t)).sum::<f64>() / THRESHOLDS as f64;
    let recall = |c: &ClassCurve| c.recall.iter().sum::<f64>() / THRESHOLDS as f64;

    let max = matches.max_detections;
    let classes = curves(0, max);
    let sizes = [1, 2, 3].map(|size| curves(size, max));
    let limited = |limit: usize| {
        let recalls = matches.classes.par_iter().filter_map(|c| final_recall(c, limit, weights));
        let recalls: Vec<f64> = recalls.collect();
        (limit, mean(recalls))
    };
    CocoSummary {
        map50_95: over(&classes, &all_thresholds),
        map50: over(&classes, &at(0)),
        map75: over(&classes, &at(5)),
        map_by_size: [0, 1, 2].map(|s| over(&sizes[s], &all_thresholds)),
        map50_by_size: [0, 1, 2].map(|s| over(&sizes[s], &at(0))),
        average_recall: [limited(1), limited(10), limited(100), (max, over(&classes, &recall))],
        average_recall_by_size: [0, 1, 2].map(|s| over(&sizes[s], &recall)),
        classes,
    }
}

/// AP at every threshold of each class, `None` for absent classes. `size` is the index into [`SizeRange::EACH`](crate::SizeRange::EACH).
#[must_use]
pub fn class_aps(matches: &Matches, size: usize, weights: Weights<'_>) -> Vec<Option<[f64; THRESHOLDS]>> {
    let setting = Setting { size, ..Setting { weights, ..Setting::plain(matches) } };
    matches.classes.iter().map(|c| class_ap(c, setting)).collect()
}

/// COCO's average recall with at most `limit` predictions per image and class, mean over thresholds and classes.
#[must_use]
pub fn average_recall(matches: &Matches, limit: usize, weights: Weights<'_>) -> Option<f64> {
    mean(matches.classes.iter().filter_map(|c| final_recall(c, limit, weights)))
}

/// Mean over thresholds of the recall that the first `limit` predictions per image reach.
fn final_recall(class: &ClassMatches, limit: usize, weights: Weights<'_>) -> Option<f64> {
    let positives = positives(class, 0, weights);
    let right = |o: &crate::Outcome| u64::from((o.matched[0] & !o.ignored[0]).count_ones());
    let first = class.outcomes.iter().filter(|o| (o.rank as usize) < limit);
    let total: u64 = first.map(|o| right(o) * weight(weights, o.image)).sum();
    (positives > 0).then(|| total as f64 / (positives as f64 * THRESHOLDS as f64))
}

/// Recall and precision of all classes together at IoU .50, counting predictions with at least a confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// Minimum confidence.
    pub confidence: f64,
    /// True boxes found.
    pub right: u64,
    /// Predictions that found nothing.
    pub wrong: u64,
    /// True boxes.
    pub positives: u64,
}

impl OperatingPoint {
    /// Found true boxes / true boxes.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        (self.positives > 0).then(|| self.right as f64 / self.positives as f64)
    }

    /// Right predictions / predictions; `None` when nothing is predicted.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        let predicted = self.right + self.wrong;
        (predicted > 0).then(|| self.right as f64 / predicted as f64)
    }

    /// Harmonic mean of both: `2 TP / (2 TP + FP + FN)`.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let denominator = self.right + self.wrong + self.positives;
        (denominator > 0).then(|| 2.0 * self.right as f64 / denominator as f64)
    }
}

/// The state of one or more classes at a confidence threshold (class-aware, IoU .50): the gate's recall.
#[must_use]
pub fn operating_point<'a>(
    classes: impl IntoIterator<Item = &'a ClassMatches>,
    confidence: f64,
    weights: Weights<'_>,
) -> OperatingPoint {
    let mut point = OperatingPoint { confidence, right: 0, wrong: 0, positives: 0 };
    for class in classes {
        point.positives += positives(class, 0, weights);
        // Sorted by falling score: stop at the first below the threshold.
        for outcome in class.outcomes.iter().take_while(|o| o.score >= confidence) {
            let weight = weight(weights, outcome.image);
            point.right += weight * u64::from(outcome.is_right(0, 0));
            point.wrong += weight * u64::from(outcome.is_wrong(0, 0));
        }
    }
    point
}

/// The state of all classes together, each counting predictions with at least its own of the `confidences`. The point's own
/// confidence is the lowest of them.
#[must_use]
pub fn serving_point(matches: &Matches, confidences: &[f64], weights: Weights<'_>) -> OperatingPoint {
    let nothing = OperatingPoint { confidence: f64::INFINITY, right: 0, wrong: 0, positives: 0 };
    matches.classes.iter().zip(confidences).fold(nothing, |sum, (class, &confidence)| {
        let point = operating_point([class], confidence, weights);
        OperatingPoint {
            confidence: sum.confidence.min(confidence),
            right: sum.right + point.right,
            wrong: sum.wrong + point.wrong,
            positives: sum.positives + point.positives,
        }
    })
}

/// Recall of one size range (index into [`SizeRange::EACH`](crate::SizeRange::EACH)), each class at its own of the `confidences`.
#[must_use]
pub fn recall_of_size(matches: &Matches, size: usize, confidences: &[f64], weights: Weights<'_>) -> Option<f64> {
    let total: u64 = matches.classes.iter().map(|c| positives(c, size, weights)).sum();
    let right = |(class, &confidence): (&ClassMatches, &f64)| {
        let confident = class.outcomes.partition_point(|o| o.score >= confidence);
        let right = class.outcomes[..confident].iter().filter(|o| o.is_right(size, 0));
        right.map(|o| weight(weights, o.image)).sum::<u64>()
    };
    let right: u64 = matches.classes.iter().zip(confidences).map(right).sum();
    (total > 0).then(|| right as f64 / total as f64)
}
