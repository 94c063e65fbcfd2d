//! Metrics of classes.

use serde::Serialize;

use crate::matrix::Matrix;

/// How numbers of several classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// The plain mean over classes.
    Macro,
    /// The mean over classes, each with its rows as weight.
    Weighted,
    /// The number of one class.
    Class(usize),
}

/// Precision, recall and F1 of one class, or their mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassScores {
    /// Of the rows that are told to be of the class, the fraction that is. 0 where none is told to be.
    pub precision: f64,
    /// Of the rows of the class, the fraction that is told to be. 0 where the class has none.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// What is known of predicted classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// Fraction of rows that are told right.
    pub accuracy: f64,
    /// Mean of the classes' precision, weighted by their rows.
    pub precision: f64,
    /// Mean of the classes' recall, weighted by their rows.
    pub recall: f64,
    /// Mean of the classes' F1, weighted by their rows.
    pub f1: f64,
    /// The same, each class counting once.
    #[serde(rename = "macro")]
    pub macro_mean: ClassScores,
    /// Area under the ROC curve: of two classes, or the mean of each class against the others. `null` where a class has no rows.
    pub roc_auc: Option<f64>,
    /// Mean negative logarithm of the true class's probability.
    pub log_loss: f64,
    /// Rows by true class (row) and told class (column).
    pub confusion_matrix: Vec<Vec<u64>>,
    /// The numbers of each class.
    pub per_class: Vec<ClassScores>,
}

/// Judges predicted classes and their probabilities.
///
/// # Panics
/// When lengths differ, or a class lies beyond the columns of `scores`.
#[must_use]
pub fn classification(truth: &[usize], told: &[usize], scores: &Matrix) -> Classification {
    let confusion_matrix = confusion(truth, told, scores.columns());
    let weighted = average_precision_recall(&confusion_matrix, Average::Weighted);
    Classification {
        accuracy: accuracy(truth, told),
        precision: weighted.precision,
        recall: weighted.recall,
        f1: weighted.f1,
        macro_mean: average_precision_recall(&confusion_matrix, Average::Macro),
        roc_auc: roc_auc(truth, scores),
        log_loss: log_loss(truth, scores),
        per_class: (0..scores.columns())
            .map(|class| average_precision_recall(&confusion_matrix, Average::Class(class)))
            .collect(),
        confusion_matrix,
    }
}

/// Fraction of rows that are told right; NaN of nothing.
#[must_use]
pub fn accuracy(truth: &[usize], told: &[usize]) -> f64 {
    truth.iter().zip(told).filter(|(a, b)| a == b).count() as f64 / truth.len() as f64
}

/// Rows by true class (row) and told class (column).
///
/// # Panics
/// When lengths differ or a class is not below `classes`.
#[must_use]
pub fn confusion(truth: &[usize], told: &[usize], classes: usize) -> Vec<Vec<u64>> {
    assert_eq!(truth.len(), told.len(), "one answer a row");
    let mut counts = vec![vec![0; classes]; classes];
    truth.iter().zip(told).for_each(|(truth, told)| counts[*truth][*told] += 1);
    counts
}

/// Precision, recall and F1 out of a confusion matrix. Where nothing could be divided by, they are 0.
///
/// # Panics
/// When the class asked for lies beyond the matrix.
#[must_use]
pub fn average_precision_recall(confusion: &[Vec<u64>], average: Average) -> ClassScores {
    let ratio = |above: u64, below: u64| if below == 0 { 0.0 } else { above as f64 / below as f64 };
    let rows = |class: usize| confusion[class].iter().sum::<u64>();
    let told = |class: usize| confusion.iter().map(|row| row[class]).sum::<u64>();
    let of = |class: usize| {
        let hit = confusion[class][class];
        ClassScores {
            precision: ratio(hit, told(class)),
            recall: ratio(hit, rows(class)),
            f1: ratio(2 * hit, told(class) + rows(class)),
        }
    };
    let mean = |weight: &dyn Fn(usize) -> f64| {
        let total: f64 = (0..confusion.len()).map(weight).sum();
        (0..confusion.len()).fold(ClassScores { precision: 0.0, recall: 0.0, f1: 0.0 }, |sum, class| {
            let (scores, part) = (of(class), weight(class) / total);
            ClassScores {
                precision: sum.precision + part * scores.precision,
                recall: sum.recall + part * scores.recall,
                f1: sum.f1 + part * scores.f1,
            }
        })
    };
    match average {
        Average::Class(class) => of(class),
        Average::Weighted => mean(&|class| rows(class) as f64),
        // Classes that neither are nor are told do not count, as in scikit-learn.
        Average::Macro => mean(&|class| f64::from(u8::from(rows(class) + told(class) > 0))),
    }
}

/// Area under the ROC curve: the probability that a row of the class has a higher score than one that is not (ties count half). `None`
/// where there are not both.
#[must_use]
pub fn roc_auc_binary(positive: &[bool], scores: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let positives = positive.iter().filter(|p| **p).count() as f64;
    let negatives = positive.len() as f64 - positives;
    let (mut below, mut won) = (0.0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let here = tied.iter().filter(|row| positive[**row]).count() as f64;
        let others = tied.len() as f64 - here;
        won += here * (below + others / 2.0);
        below += others;
    }
    (positives > 0.0 && negatives > 0.0).then(|| won / (positives * negatives))
}

/// The area of the second of two classes, or the mean over classes, each against the others.
#[must_use]
pub fn roc_auc(truth: &[usize], scores: &Matrix) -> Option<f64> {
    let of = |class: usize| {
        let positive: Vec<bool> = truth.iter().map(|of| *of == class).collect();
        roc_auc_binary(&positive, &scores.column(class))
    };
    match scores.columns() {
        2 => of(1),
        classes => Some((0..classes).map(of).collect::<Option<Vec<_>>>()?.iter().sum::<f64>() / classes as f64),
    }
}

/// Mean negative logarithm of the true class's probability, which is never taken for smaller than a rounding error.
#[must_use]
pub fn log_loss(truth: &[usize], scores: &Matrix) -> f64 {
    let logs = truth.iter().enumerate().map(|(row, class)| {
        let total: f64 = scores.row(row).iter().sum();
        (scores.at(row, *class) / total).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    });
    -logs.sum::<f64>() / truth.len() as f64
}
