//! Curves of predictions, as points to be drawn.

use serde::Serialize;

use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// Points of a curve, at most.
const MAX_POINTS: usize = 200;
/// Classes that have curves of their own: the first.
const MAX_CLASSES: usize = 10;
/// Rows whose residuals are shown.
const MAX_RESIDUALS: usize = 500;

/// Curves of one class against the others. Points are those at which a threshold of its probability tells more rows to be of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassCurves {
    /// The class's number.
    pub class: usize,
    /// False-positive and true-positive rate, from (0, 0) to (1, 1).
    pub roc: Vec<[f64; 2]>,
    /// Recall and precision, from the highest threshold to the lowest.
    pub precision_recall: Vec<[f64; 2]>,
}

/// Curves of what a model said of rows that it did not learn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Curves {
    /// Of the first ten classes that have rows; of two classes the second alone.
    Classes(Vec<ClassCurves>),
    /// What was told, and what it was less that, row by row; of very many rows some.
    Residuals(Vec<[f64; 2]>),
}

/// The curves of rows and what was said of them.
#[must_use]
pub fn curves(samples: &Samples, scores: &Matrix) -> Curves {
    match &samples.y {
        Target::Values(values) => {
            let all = scores.values().iter().zip(values).map(|(told, value)| [*told, value - told]).collect();
            Curves::Residuals(thinned(all, MAX_RESIDUALS))
        }
        Target::Classes { of, count } => {
            let classes = if *count == 2 { 1..2 } else { 0..(*count).min(MAX_CLASSES) };
            Curves::Classes(classes.filter_map(|class| class_curves(of, scores, class)).collect())
        }
    }
}

/// `None` where all rows are of the class, or none.
fn class_curves(of: &[usize], scores: &Matrix, class: usize) -> Option<ClassCurves> {
    let mut rows: Vec<(f64, bool)> =
        of.iter().enumerate().map(|(row, is)| (scores.at(row, class), *is == class)).collect();
    let positives = rows.iter().filter(|(_, is)| *is).count();
    let negatives = rows.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut false_alarms) = (0, 0);
    let (mut roc, mut precision_recall) = (vec![[0.0, 0.0]], Vec::new());
    // Rows with one probability are told together.
    for equal in rows.chunk_by(|a, b| a.0 == b.0) {
        let more = equal.iter().filter(|(_, is)| *is).count();
        hits += more;
        false_alarms += equal.len() - more;
        let recall = hits as f64 / positives as f64;
        roc.push([false_alarms as f64 / negatives as f64, recall]);
        precision_recall.push([recall, hits as f64 / (hits + false_alarms) as f64]);
    }
    let (roc, precision_recall) = (thinned(roc, MAX_POINTS), thinned(precision_recall, MAX_POINTS));
    Some(ClassCurves { class, roc, precision_recall })
}

/// As many as may be, evenly; the first and the last stay.
fn thinned<T: Copy>(all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    (0..most).map(|at| all[at * (all.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::roc_auc;

    fn area(points: &[[f64; 2]]) -> f64 {
        points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0).sum()
    }

    #[test]
    fn the_area_below_is_the_metric() {
        let mut random = vision::Random::new(3);
        let of: Vec<usize> = (0..150).map(|_| random.below(2)).collect();
        // Few different probabilities: ties count half.
        let mut scores = Matrix::zeros(of.len(), 2);
        for (row, class) in of.iter().enumerate() {
            let second = ((random.unit() + 0.5 * *class as f64) * 10.0).round() / 15.0;
            scores.row_mut(row).copy_from_slice(&[1.0 - second, second]);
        }
        let auc = roc_auc(&of, &scores).expect("both classes have rows");
        let samples = Samples { x: Matrix::zeros(of.len(), 1), y: Target::Classes { of, count: 2 } };
        let Curves::Classes(found) = curves(&samples, &scores) else { panic!("classes") };
        assert_eq!((found.len(), found[0].class, found[0].roc.last()), (1, 1, Some(&[1.0, 1.0])));
        assert!((area(&found[0].roc) - auc).abs() < 1e-12, "{} {auc}", area(&found[0].roc));
        let last = found[0].precision_recall.last().expect("points");
        assert!((last[0] - 1.0).abs() < 1e-12 && last[1] > 0.3);
    }

    #[test]
    fn many_points_become_few_and_one_class_has_no_curve() {
        let rows = 5_000;
        let values: Vec<f64> = (0..rows).map(f64::from).collect();
        let samples = Samples { x: Matrix::zeros(rows as usize, 1), y: Target::Values(values.clone()) };
        let told = Matrix::new(values.iter().map(|value| value - 1.0).collect(), rows as usize, 1);
        let Curves::Residuals(found) = curves(&samples, &told) else { panic!("numbers") };
        assert_eq!((found.len(), found[0], found.last()), (500, [-1.0, 1.0], Some(&[4_998.0, 1.0])));
        let one = Samples { x: Matrix::zeros(3, 1), y: Target::Classes { of: vec![1; 3], count: 3 } };
        assert_eq!(curves(&one, &Matrix::zeros(3, 3)), Curves::Classes(Vec::new()));
    }
}
