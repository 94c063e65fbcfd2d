//! Average precision as the Ultralytics tools define it, under its own name because users will compare.
//!
//! It differs from COCO's in three ways. A prediction goes to the true box it overlaps most or to none (COCO lets it
//! take its second choice); of several on one true box the most confident wins. The precision curve is anchored at
//! (0, 1) and (1, 0), made monotone and interpolated *linearly* at 101 points, and the area under it is taken by the
//! trapezoid rule. A class that was never predicted counts 0. The result usually lies a little above COCO's.

use rayon::prelude::*;

use crate::average_precision::{RECALL_POINTS, Weights, mean, recall_points};
use crate::cells::{Cell, Cells};
use crate::matching::{THRESHOLDS, iou_thresholds};
use crate::{DetectionSet, Rect};

/// Added to the number of true boxes, as published.
const EPSILON: f64 = 1e-16;

/// The matching by Ultralytics' definition: computed once, then summed under any weights of images.
#[derive(Debug, Clone)]
pub struct UltralyticsMatches {
    classes: Vec<ClassScores>,
}

/// One class.
#[derive(Debug, Clone, Default)]
struct ClassScores {
    /// `(image, true boxes)`
    truths: Vec<(u32, u32)>,
    /// Predictions by falling score.
    found: Vec<Scored>,
}

#[derive(Debug, Clone, Copy)]
struct Scored {
    score: f64,
    image: u32,
    /// Bit `t`: right at threshold `t`.
    right: u16,
}

/// Mean AP by Ultralytics' definition.
#[derive(Debug, Clone, PartialEq)]
pub struct UltralyticsSummary {
    /// AP at IoU .50.
    pub map50: Option<f64>,
    /// AP over IoU .50:.05:.95.
    pub map50_95: Option<f64>,
    /// AP per class and threshold; `None` for classes without a true box.
    pub classes: Vec<Option<[f64; THRESHOLDS]>>,
}

/// Computes it. Crowds are ordinary true boxes there, so sets with crowds are not comparable.
#[must_use]
pub fn ultralytics_map(set: &DetectionSet, max_detections: usize) -> UltralyticsSummary {
    UltralyticsMatches::new(set, max_detections).summarize(None)
}

impl UltralyticsMatches {
    /// Matches every class of every image.
    #[must_use]
    pub fn new(set: &DetectionSet, max_detections: usize) -> Self {
        let kept = most_confident_per_image(set, max_detections);
        let groups = Cells::group(set);
        let per_class: Vec<&[Cell]> = groups.cells().chunk_by(|a, b| a.class == b.class).collect();
        let matched: Vec<_> =
            per_class.into_par_iter().map(|c| (c[0].class, match_class(set, &groups, c, &kept))).collect();
        let mut classes = vec![ClassScores::default(); set.classes().len()];
        for (class, found) in matched {
            classes[class as usize] = found;
        }
        Self { classes }
    }

    /// Sums up, each image counting as often as its weight says.
    #[must_use]
    pub fn summarize(&self, weights: Weights<'_>) -> UltralyticsSummary {
        let classes: Vec<_> = self.classes.iter().map(|class| class_ap(class, weights)).collect();
        UltralyticsSummary {
            map50: mean(classes.iter().flatten().map(|ap| ap[0])),
            map50_95: mean(classes.iter().flatten().map(|ap| ap.iter().sum::<f64>() / THRESHOLDS as f64)),
            classes,
        }
    }
}

/// The limit is per image over all classes there, unlike COCO's.
fn most_confident_per_image(set: &DetectionSet, max_detections: usize) -> Vec<bool> {
    let mut order: Vec<u32> = (0..set.predictions().len() as u32).collect();
    let key = |i: u32| (set.predictions()[i as usize].image, set.predictions()[i as usize].score);
    order.sort_by(|&a, &b| key(a).0.cmp(&key(b).0).then(key(b).1.total_cmp(&key(a).1)));
    let mut kept = vec![false; order.len()];
    for image in order.chunk_by(|&a, &b| key(a).0 == key(b).0) {
        for &index in &image[..image.len().min(max_detections)] {
            kept[index as usize] = true;
        }
    }
    kept
}

fn match_class(set: &DetectionSet, groups: &Cells, cells: &[Cell], kept: &[bool]) -> ClassScores {
    let thresholds = iou_thresholds();
    let mut scores = ClassScores::default();
    for cell in cells {
        let boxes: Vec<Rect> = groups.truths(cell).iter().map(|&t| set.truths()[t as usize].rect).collect();
        if !boxes.is_empty() {
            scores.truths.push((cell.image, boxes.len() as u32));
        }
        let score = |p: u32| set.predictions()[p as usize].score;
        let mut order: Vec<u32> = groups.predictions(cell).iter().copied().filter(|&p| kept[p as usize]).collect();
        order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        let mut taken = vec![0_u16; boxes.len()];
        for &prediction in &order {
            let rect = set.predictions()[prediction as usize].rect;
            let overlaps = boxes.iter().map(|b| rect.iou(b)).enumerate();
            let best = overlaps.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
            let mut right = 0;
            for (t, threshold) in thresholds.iter().enumerate() {
                if best.1 >= *threshold && taken[best.0] >> t & 1 == 0 {
                    right |= 1 << t;
                    taken[best.0] |= 1 << t;
                }
            }
            scores.found.push(Scored { score: score(prediction), image: cell.image, right });
        }
    }
    scores.found.sort_by(|a, b| b.score.total_cmp(&a.score));
    scores
}

fn class_ap(ClassScores { truths, found }: &ClassScores, weights: Weights<'_>) -> Option<[f64; THRESHOLDS]> {
    let weight = |image: u32| weights.map_or(1, |w| w[image as usize]);
    let positives: u64 = truths.iter().map(|&(image, count)| u64::from(count) * u64::from(weight(image))).sum();
    if positives == 0 {
        return None;
    }
    // An image that weighs n is n images with the same scores, one after the other.
    let counted: Vec<u16> = found.iter().flat_map(|f| std::iter::repeat_n(f.right, weight(f.image) as usize)).collect();
    if counted.is_empty() {
        return Some([0.0; THRESHOLDS]);
    }
    Some(std::array::from_fn(|t| area(counted.iter().map(|right| right >> t & 1 == 1), positives as f64)))
}

/// Area under the linearly interpolated, monotone precision-recall curve.
fn area(right: impl Iterator<Item = bool>, truths: f64) -> f64 {
    let (mut recall, mut precision) = (vec![0.0], vec![1.0]);
    let mut found = 0.0;
    for (seen, right) in right.enumerate() {
        found += f64::from(u8::from(right));
        recall.push(found / (truths + EPSILON));
        precision.push(found / (seen + 1) as f64);
    }
    recall.push(1.0);
    precision.push(0.0);
    for at in (0..precision.len() - 1).rev() {
        precision[at] = precision[at].max(precision[at + 1]);
    }
    let points = recall_points();
    let mut values = [0.0; RECALL_POINTS];
    let mut left = 0;
    for (value, &x) in values.iter_mut().zip(&points) {
        // The last place at or before x, so that a run of equal recalls ends at its lowest precision.
        while left + 1 < recall.len() && recall[left + 1] <= x {
            left += 1;
        }
        *value = if left + 1 == recall.len() || recall[left] == x {
            precision[left]
        } else {
            let slope = (precision[left + 1] - precision[left]) / (recall[left + 1] - recall[left]);
            precision[left] + slope * (x - recall[left])
        };
    }
    let widths = points.windows(2).zip(values.windows(2));
    widths.map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0).sum()
}
