//! From which probability on a row is told to be of the second class: what each choice costs.

use serde::Serialize;

use crate::matrix::Matrix;

/// Thresholds that are shown: hundredths.
const SHOWN: usize = 99;

/// What a threshold comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Rows of this probability or more are told to be of the second class.
    pub threshold: f64,
    /// Of the rows that are told to be of it, the fraction that is. 0 where none is told to be.
    pub precision: f64,
    /// Of the rows of the class, the fraction that is told to be.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Recall less the fraction of the other rows that are told to be of the class (Youden's J).
    pub youden: f64,
}

/// Thresholds of a model of two classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thresholds {
    /// The one with the highest F1, of all that tell rows apart.
    pub best_f1: Threshold,
    /// The one with the highest Youden's J.
    pub best_youden: Threshold,
    /// Each hundredth from .01 to .99.
    pub steps: Vec<Threshold>,
}

/// Thresholds of the probability of the second class; `None` where there are not two classes, or one has no rows.
///
/// # Panics
/// When `truth` has more rows than `scores`.
#[must_use]
pub fn thresholds(truth: &[usize], scores: &Matrix) -> Option<Thresholds> {
    if scores.columns() != 2 {
        return None;
    }
    let mut rows: Vec<(f64, bool)> = truth.iter().enumerate().map(|(row, is)| (scores.at(row, 1), *is == 1)).collect();
    let positives = rows.iter().filter(|(_, is)| *is).count();
    let negatives = rows.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let judged = |threshold: f64, told: usize, hits: usize| {
        let ratio = |above: usize, below: usize| if below == 0 { 0.0 } else { above as f64 / below as f64 };
        let recall = ratio(hits, positives);
        Threshold {
            threshold,
            precision: ratio(hits, told),
            recall,
            f1: ratio(2 * hits, told + positives),
            youden: recall - ratio(told - hits, negatives),
        }
    };
    // Hits among the first rows, so that any threshold is two look-ups.
    let mut hits = vec![0; rows.len() + 1];
    for (at, (_, is)) in rows.iter().enumerate() {
        hits[at + 1] = hits[at] + usize::from(*is);
    }
    let at = |threshold: f64| {
        let told = rows.partition_point(|(score, _)| *score >= threshold);
        judged(threshold, told, hits[told])
    };
    let mut each: Vec<f64> = rows.iter().map(|(score, _)| *score).collect();
    each.dedup();
    let all: Vec<Threshold> = each.into_iter().map(at).collect();
    // Of equals the higher threshold: it tells fewer rows to be of the class.
    let best = |by: fn(&Threshold) -> f64| all.iter().rev().max_by(|a, b| by(a).total_cmp(&by(b))).copied();
    Some(Thresholds {
        best_f1: best(|one| one.f1)?,
        best_youden: best(|one| one.youden)?,
        steps: (1..=SHOWN).map(|step| at(step as f64 / (SHOWN + 1) as f64)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Average, average_precision_recall, confusion};

    fn scores(second: &[f64]) -> Matrix {
        Matrix::new(second.iter().flat_map(|p| [1.0 - p, *p]).collect(), second.len(), 2)
    }

    #[test]
    fn every_step_is_what_its_confusion_matrix_says() {
        let mut random = vision::Random::new(5);
        let truth: Vec<usize> = (0..200).map(|_| random.below(2)).collect();
        let second: Vec<f64> =
            truth.iter().map(|is| ((random.unit() + *is as f64 * 0.4) * 50.0).round() / 70.0).collect();
        let found = thresholds(&truth, &scores(&second)).expect("two classes");
        assert_eq!(found.steps.len(), SHOWN);
        for step in &found.steps {
            let told: Vec<usize> = second.iter().map(|p| usize::from(*p >= step.threshold)).collect();
            let matrix = confusion(&truth, &told, 2);
            let expected = average_precision_recall(&matrix, Average::Class(1));
            assert!(
                (step.precision - expected.precision).abs() < 1e-12 && (step.recall - expected.recall).abs() < 1e-12
            );
            assert!((step.f1 - expected.f1).abs() < 1e-12);
            let wrong = matrix[0][1] as f64 / (matrix[0][0] + matrix[0][1]) as f64;
            assert!((step.youden - (step.recall - wrong)).abs() < 1e-12);
            assert!(step.f1 <= found.best_f1.f1 && step.youden <= found.best_youden.youden);
        }
    }

    #[test]
    fn what_has_no_threshold_has_none() {
        assert_eq!(thresholds(&[1, 1], &scores(&[0.2, 0.9])), None);
        assert_eq!(thresholds(&[0, 1, 2], &Matrix::zeros(3, 3)), None);
        let perfect = thresholds(&[0, 0, 1, 1], &scores(&[0.1, 0.2, 0.8, 0.9])).expect("two classes");
        assert_eq!((perfect.best_f1.threshold, perfect.best_f1.f1, perfect.best_youden.youden), (0.8, 1.0, 1.0));
    }
}
