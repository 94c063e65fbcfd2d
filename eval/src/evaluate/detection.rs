//! All there is to say about found boxes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vision::Confidences;

use crate::average_precision::{
    OperatingPoint, Weights, average_recall, class_aps, mean, mean_ap, operating_point, positives, recall_of_size,
    serving_point, summarize,
};
use crate::calibration::{Claim, detection_claims, reliability};
use crate::curves::{Merged, confidence_curve};
use crate::evaluate::{Metrics, SliceLine};
use crate::matching::{DEFAULT_MAX_DETECTIONS, Matches, SizeRange, THRESHOLDS, match_all};
use crate::slices::{Slice, by_density, metrics_of};
use crate::ultralytics::UltralyticsMatches;
use crate::{Bootstrap, DetectionSet, Interval, Mistakes, PrecisionGoal, Reliability, confusion_matrix, mistakes};

/// How boxes are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionSettings {
    /// The confidence the product serves with.
    pub confidence: Confidences<f64>,
    /// The precision for which each class's confidence is looked for, if any.
    pub precision: Option<f64>,
    /// Predictions looked at per class and image.
    pub max_detections: usize,
    /// Intervals.
    pub bootstrap: Bootstrap,
}

impl Default for DetectionSettings {
    fn default() -> Self {
        Self {
            confidence: Confidences::uniform(0.25),
            precision: None,
            max_detections: DEFAULT_MAX_DETECTIONS,
            bootstrap: Bootstrap::default(),
        }
    }
}

/// Detection in the form reports keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionSection {
    /// The confidence the product serves with.
    pub confidence: f64,
    /// That of single classes, in its place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_confidence: BTreeMap<String, f64>,
    /// Predictions looked at per class and image.
    pub max_detections: usize,
    /// Images evaluated.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// True boxes that count.
    pub true_boxes: u64,
    /// Predictions of any confidence.
    pub predictions: usize,
    /// All metrics. In a report they stand at the top, for all kinds together.
    #[serde(skip)]
    pub metrics: Metrics,
    /// Per class.
    pub classes: Vec<ClassLine>,
    /// From which confidence on each class has the wanted precision; `None` when none was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision_goal: Option<PrecisionGoal>,
    /// Recall, precision and F1 at confidence 0, .01, ..., 1.
    pub confidence_curve: Vec<CurvePoint>,
    /// Precision at the 101 recall points, mean over classes, at IoU .50, .75 and .90.
    pub precision_recall: Vec<PrecisionRecall>,
    /// Who is taken for whom.
    pub confusion: Confusion,
    /// Why boxes were missed and others invented, at the serving confidence.
    pub mistakes: Mistakes,
    /// Whether confidence means precision.
    pub reliability: Diagram,
    /// Parts of the images.
    pub slices: Vec<SliceLine>,
}

impl DetectionSection {
    /// The confidences the product serves with.
    #[must_use]
    pub fn serving(&self) -> Confidences<f64> {
        Confidences { default: self.confidence, by_class: self.class_confidence.clone() }
    }
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassLine {
    /// Its name.
    pub class: String,
    /// True boxes.
    pub true_boxes: u64,
    /// Average precision at IoU .50; `None` when absent.
    pub ap50: Option<f64>,
    /// Its 95 % interval.
    pub ap50_interval: Option<Interval>,
    /// Average precision over IoU .50:.05:.95.
    pub ap50_95: Option<f64>,
    /// At the serving confidence.
    pub recall: Option<f64>,
    /// At the serving confidence.
    pub precision: Option<f64>,
    /// The best F1 and its confidence on this data.
    pub best_f1: Option<(f64, f64)>,
}

/// The state at one confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Minimum confidence.
    pub confidence: f64,
    /// Recall.
    pub recall: Option<f64>,
    /// Precision; `None` when nothing is predicted.
    pub precision: Option<f64>,
    /// F1.
    pub f1: Option<f64>,
}

impl From<&OperatingPoint> for CurvePoint {
    fn from(p: &OperatingPoint) -> Self {
        Self { confidence: p.confidence, recall: p.recall(), precision: p.precision(), f1: p.f1() }
    }
}

/// Interpolated precision over recall at one overlap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecall {
    /// Overlap threshold.
    pub iou: f64,
    /// Precision at recall 0, .01, ..., 1.
    pub precision: Vec<f64>,
}

/// The confusion matrix; the last row and column are the background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Names of rows and columns but the last.
    pub classes: Vec<String>,
    /// `counts[truth][predicted]`
    pub counts: Vec<Vec<u64>>,
}

/// A reliability diagram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagram {
    /// `(claims, mean confidence, fraction right)` per bin of equal width.
    pub bins: Vec<(u64, f64, f64)>,
    /// Expected calibration error.
    pub expected_error: Option<f64>,
    /// Largest gap.
    pub largest_error: Option<f64>,
}

impl From<&Reliability> for Diagram {
    fn from(r: &Reliability) -> Self {
        let bins = r.bins.iter().map(|b| (b.count, b.confidence, b.accuracy)).collect();
        Self { bins, expected_error: r.expected_error, largest_error: r.largest_error }
    }
}

/// Evaluates a set, with slices by density and by those given.
#[must_use]
pub fn evaluate_detection(set: &DetectionSet, settings: &DetectionSettings, slices: &[Slice]) -> DetectionSection {
    let DetectionSettings { ref confidence, precision, max_detections, bootstrap } = *settings;
    let min_confidence = confidence.by_number(set.classes());
    let matches = match_all(set, max_detections);
    let replicator = Replicator::new(set, &matches, &min_confidence);
    let units = matches.images;

    let mut metrics = Metrics::default();
    metrics.measure(["recall", "precision", "f1", "map50", "map50_95"], (units, bootstrap), |weights| {
        headline(&matches, &min_confidence, weights)
    });
    let fewer = Bootstrap { resamples: secondary_resamples(bootstrap.resamples, set.predictions().len()), ..bootstrap };
    let names = replicator.names();
    let per_class = metrics.measure_list(&names, (units, fewer), |weights| replicator.metrics(weights));

    let curve = replicator.merged.curve();
    let summary = summarize(&matches, None);
    let density = by_density(set);
    DetectionSection {
        confidence: confidence.default,
        class_confidence: confidence.by_class.clone(),
        max_detections,
        images: units,
        true_boxes: matches.classes.iter().map(|c| positives(c, 0, None)).sum(),
        predictions: set.predictions().len(),
        metrics,
        classes: class_lines(set, &matches, &summary, (&min_confidence, &per_class)),
        precision_goal: precision.map(|wanted| PrecisionGoal::of(set.classes(), &matches, wanted)),
        confidence_curve: curve.points.iter().map(CurvePoint::from).collect(),
        precision_recall: [0, 5, 8].into_iter().filter_map(|t| mean_curve(&summary.classes, t)).collect(),
        confusion: confusion(set, confidence),
        mistakes: mistakes(set, confidence, max_detections),
        reliability: Diagram::from(&reliability(&replicator.claims, None)),
        slices: slices.iter().chain(&density).map(|s| slice_line(&matches, s, (&min_confidence, bootstrap))).collect(),
    }
}

/// Resamples behind metrics that no gate depends on: fewer for very large sets, where intervals are narrow anyway and a
/// thousand passes over a million boxes would take minutes.
fn secondary_resamples(wanted: u32, predictions: usize) -> u32 {
    let affordable = 40_000_000 / predictions.max(1);
    wanted.min(u32::try_from(affordable).unwrap_or(u32::MAX).max(100))
}

/// Metrics beside the headline, under any weights of images.
struct Replicator<'a> {
    matches: &'a Matches,
    ultralytics: UltralyticsMatches,
    merged: Merged,
    claims: Vec<Claim>,
    confidences: &'a [f64],
}

impl<'a> Replicator<'a> {
    fn new(set: &DetectionSet, matches: &'a Matches, confidences: &'a [f64]) -> Self {
        Self {
            matches,
            ultralytics: UltralyticsMatches::new(set, matches.max_detections),
            merged: Merged::new(&matches.classes),
            claims: detection_claims(matches, confidences),
            confidences,
        }
    }

    /// Names of [`Replicator::metrics`]; the last ones, one a class, have none.
    fn names(&self) -> Vec<String> {
        let sizes = SizeRange::EACH.iter().skip(1).map(|s| s.as_str());
        let of_sizes = |prefix: &'static str| sizes.clone().map(move |size| format!("{prefix}_{size}"));
        let mut names = vec!["map75".to_owned()];
        names.extend(of_sizes("map50").chain(of_sizes("map50_95")).chain(of_sizes("recall")));
        let others = ["average_recall_1", "average_recall_10", "average_recall_100", "average_recall"];
        names.extend(others.map(str::to_owned));
        let others = ["f1_best", "f1_best_confidence", "ultralytics_map50", "ultralytics_map50_95", "detection_ece"];
        names.extend(others.map(str::to_owned));
        names
    }

    fn metrics(&self, weights: Weights<'_>) -> Vec<Option<f64>> {
        let matches = self.matches;
        let all = class_aps(matches, 0, weights);
        let sizes = [1, 2, 3].map(|size| class_aps(matches, size, weights));
        let over = |aps: &[Option<[f64; THRESHOLDS]>], value: fn(&[f64; THRESHOLDS]) -> f64| {
            mean(aps.iter().flatten().map(value))
        };
        let all_thresholds: fn(&[f64; THRESHOLDS]) -> f64 = |ap| ap.iter().sum::<f64>() / THRESHOLDS as f64;
        let mut metrics = vec![over(&all, |ap| ap[5])];
        metrics.extend(sizes.iter().map(|aps| over(aps, |ap| ap[0])));
        metrics.extend(sizes.iter().map(|aps| over(aps, all_thresholds)));
        metrics.extend([1, 2, 3].map(|size| recall_of_size(matches, size, self.confidences, weights)));
        metrics.extend([1, 10, 100, matches.max_detections].map(|limit| average_recall(matches, limit, weights)));
        let best = self.merged.best(weights);
        let ultralytics = self.ultralytics.summarize(weights);
        metrics.extend([
            best.and_then(|b| b.f1()),
            best.map(|b| b.confidence),
            ultralytics.map50,
            ultralytics.map50_95,
        ]);
        metrics.push(reliability(&self.claims, weights).expected_error);
        metrics.extend(all.iter().map(|ap| ap.map(|ap| ap[0])));
        metrics
    }
}

/// Recall, precision, F1, mAP50, mAP50-95 under weights of images.
fn headline(matches: &Matches, confidences: &[f64], weights: Weights<'_>) -> [Option<f64>; 5] {
    let point = serving_point(matches, confidences, weights);
    let (map50, map50_95) = mean_ap(matches, weights);
    [point.recall(), point.precision(), point.f1(), map50, map50_95]
}

fn slice_line(matches: &Matches, slice: &Slice, (confidences, bootstrap): (&[f64], Bootstrap)) -> SliceLine {
    let names = ["recall", "precision", "map50"];
    let values = metrics_of(slice, matches.images, bootstrap, |weights| {
        let [recall, precision, _, map50, _] = headline(matches, confidences, Some(weights));
        [recall, precision, map50]
    });
    let mut metrics = Metrics::default();
    for (name, (value, interval)) in names.into_iter().zip(values) {
        metrics.set(name, value);
        metrics.intervals.extend(interval.map(|i| (name.to_owned(), i)));
    }
    let mut weights = vec![0; matches.images];
    slice.images.iter().for_each(|&p| weights[p as usize] = 1);
    SliceLine {
        column: slice.column.clone(),
        value: slice.value.clone(),
        images: slice.images.len(),
        evidence: matches.classes.iter().map(|c| positives(c, 0, Some(&weights))).sum(),
        metrics,
    }
}

fn class_lines(
    set: &DetectionSet,
    matches: &Matches,
    summary: &crate::CocoSummary,
    (confidences, intervals): (&[f64], &[Option<Interval>]),
) -> Vec<ClassLine> {
    let lines = set.classes().iter().zip(&matches.classes).zip(&summary.classes).zip(intervals).zip(confidences);
    lines
        .map(|((((name, class), curve), interval), &confidence)| {
            let point = operating_point([class], confidence, None);
            let best = confidence_curve([class]).best;
            ClassLine {
                class: name.clone(),
                true_boxes: point.positives,
                ap50: curve.as_ref().map(|c| c.ap(0)),
                ap50_interval: interval.zip(curve.as_ref()).map(|(i, c)| i.around(c.ap(0))),
                ap50_95: curve.as_ref().map(|c| (0..THRESHOLDS).map(|t| c.ap(t)).sum::<f64>() / THRESHOLDS as f64),
                recall: point.recall(),
                precision: point.precision(),
                best_f1: best.and_then(|b| Some((b.f1()?, b.confidence))),
            }
        })
        .collect()
}

fn mean_curve(classes: &[Option<crate::ClassCurve>], threshold: usize) -> Option<PrecisionRecall> {
    let present: Vec<_> = classes.iter().flatten().map(|c| &c.precision[threshold]).collect();
    let at = |i: usize| present.iter().map(|p| p[i]).sum::<f64>() / present.len() as f64;
    (!present.is_empty()).then(|| PrecisionRecall {
        iou: crate::matching::iou_thresholds()[threshold],
        precision: (0..crate::average_precision::RECALL_POINTS).map(at).collect(),
    })
}

fn confusion(set: &DetectionSet, confidence: &Confidences<f64>) -> Confusion {
    let matrix = confusion_matrix(set, 0.5, confidence);
    let side = matrix.classes + 1;
    // Classes that occur on neither side would make an 80 x 80 matrix of zeros.
    let background = matrix.background();
    let occurs = |c: usize| c == background || (0..side).any(|o| matrix.count(c, o) + matrix.count(o, c) > 0);
    let kept: Vec<usize> = (0..side).filter(|&c| occurs(c)).collect();
    Confusion {
        classes: kept.iter().filter(|&&c| c != background).map(|&c| set.classes()[c].clone()).collect(),
        counts: kept.iter().map(|&t| kept.iter().map(|&p| matrix.count(t, p)).collect()).collect(),
    }
}
