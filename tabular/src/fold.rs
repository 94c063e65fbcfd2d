//! Cross-validation: which rows are learned from and which are judged by, fold by fold.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Random;

use crate::samples::Target;
use crate::split::shuffle;

/// How rows become folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldKind {
    /// By chance.
    KFold,
    /// By chance, with every class in the same ratio in all folds. Numbers are divided by chance.
    #[default]
    Stratified,
    /// Each fold is judged by what was learned from all rows before it.
    TimeSeries,
}

/// Rows of one fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// To learn from.
    pub train: Vec<usize>,
    /// To judge by.
    pub test: Vec<usize>,
}

/// Folds that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FoldError {
    /// Fewer than two folds, or more than rows.
    #[error("{folds} folds of {rows} rows: between 2 folds and one row each is possible")]
    Count {
        /// Folds.
        folds: usize,
        /// Rows.
        rows: usize,
    },
    /// A class with fewer rows than folds would be missing from some.
    #[error("the smallest class has {rows} rows, fewer than the {folds} folds")]
    SmallClass {
        /// Folds.
        folds: usize,
        /// Rows of the class.
        rows: usize,
    },
}

/// The folds of these rows. A time series needs its rows in order of time.
///
/// # Errors
/// When there are too few rows for so many folds.
pub fn folds(y: &Target, count: usize, kind: FoldKind, seed: u64) -> Result<Vec<Fold>, FoldError> {
    let rows = y.len();
    let enough = if kind == FoldKind::TimeSeries { rows > count } else { rows >= count };
    if count < 2 || !enough {
        return Err(FoldError::Count { folds: count, rows });
    }
    let mut random = Random::named(seed, "folds");
    let mut order: Vec<usize> = (0..rows).collect();
    let fold_of: Vec<usize> = match (kind, y) {
        (FoldKind::TimeSeries, _) => return Ok(forward(rows, count)),
        (FoldKind::Stratified, Target::Classes { of, count: classes }) => {
            let mut sizes = vec![0; *classes];
            of.iter().for_each(|class| sizes[*class] += 1);
            if let Some(rows) = sizes.into_iter().filter(|size| *size > 0 && *size < count).min() {
                return Err(FoldError::SmallClass { folds: count, rows });
            }
            shuffle(&mut order, &mut random);
            order.sort_by_key(|row| of[*row]);
            // Dealt in turn, class after class without a break: classes and folds both differ by one row at most.
            places(&order, |at| at % count)
        }
        _ => {
            shuffle(&mut order, &mut random);
            places(&order, |at| at % count)
        }
    };
    Ok((0..count)
        .map(|fold| {
            let (test, train) = (0..rows).partition(|row| fold_of[*row] == fold);
            Fold { train, test }
        })
        .collect())
}

fn places(order: &[usize], fold: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut fold_of = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, row)| fold_of[*row] = fold(at));
    fold_of
}

fn forward(rows: usize, count: usize) -> Vec<Fold> {
    let size = rows / (count + 1);
    (0..count)
        .map(|fold| {
            let start = rows - (count - fold) * size;
            Fold { train: (0..start).collect(), test: (start..start + size).collect() }
        })
        .collect()
}
