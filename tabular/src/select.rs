//! Which features tell most.

use serde::{Deserialize, Serialize};

use crate::learn::{LearnError, Learner, LogisticRegression, Predictor, RandomForest, Ridge, Run, require};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};
use crate::scale::{Scaler, ScalingMethod};
use crate::stats::{ascending, correlation, mean, quantile};

/// How features are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionMethod {
    /// Absolute Pearson correlation with the target; of several classes the largest with one of them.
    Correlation,
    /// Mutual information with the target, both in tenths of their range by rank (nats).
    MutualInfo,
    /// Recursive elimination: a linear model is learned, the features with the smallest weights go, and again.
    Rfe,
    /// Importance in a random forest.
    TreeImportance,
    /// The F statistic of an analysis of variance, or of a regression.
    Statistical,
}

/// How many features are kept, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionOptions {
    /// How they are ranked.
    pub method: SelectionMethod,
    /// How many are kept.
    pub n_features: usize,
}

/// The features that are kept, best first, and what was said of all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selection {
    /// Places of the features that are kept, best first.
    pub selected: Vec<usize>,
    /// How much each feature tells, in the unit of the method; all of them, in their order.
    pub importance: Vec<f64>,
}

/// Ranks the features of samples and keeps the best.
///
/// # Errors
/// When none or more than there are shall be kept, or the rows cannot be learned from.
pub fn select(samples: &Samples, options: SelectionOptions, run: &Run<'_>) -> Result<Selection, LearnError> {
    let features = samples.x.columns();
    require(
        (1..=features).contains(&options.n_features),
        "n_features",
        options.n_features,
        "between 1 and the number of features",
    )?;
    crate::learn::check_samples(samples)?;
    let importance = match options.method {
        SelectionMethod::Correlation => each(samples, &|x| correlated(x, &samples.y)),
        SelectionMethod::MutualInfo => each(samples, &|x| mutual_information(x, &samples.y)),
        SelectionMethod::Statistical => each(samples, &|x| f_statistic(x, &samples.y)),
        SelectionMethod::TreeImportance => {
            RandomForest::default().fit(samples, run)?.model.importance().unwrap_or_default()
        }
        SelectionMethod::Rfe => return eliminate(samples, options.n_features, run),
    };
    let mut selected: Vec<usize> = (0..features).collect();
    selected.sort_by(|a, b| importance[*b].total_cmp(&importance[*a]));
    selected.truncate(options.n_features);
    Ok(Selection { selected, importance })
}

fn each(samples: &Samples, score: &(dyn Fn(&[f64]) -> f64 + Sync)) -> Vec<f64> {
    use rayon::prelude::*;
    (0..samples.x.columns()).into_par_iter().map(|column| score(&samples.x.column(column))).collect()
}

fn correlated(x: &[f64], y: &Target) -> f64 {
    match y {
        Target::Values(values) => correlation(x, values).abs(),
        Target::Classes { of, count } => (0..*count)
            .map(|class| {
                let is: Vec<f64> = of.iter().map(|of| f64::from(u8::from(*of == class))).collect();
                correlation(x, &is).abs()
            })
            .fold(0.0, f64::max),
    }
}

/// The F statistic; infinite where a feature tells the classes apart without a rest.
fn f_statistic(x: &[f64], y: &Target) -> f64 {
    let rows = x.len() as f64;
    match y {
        Target::Values(values) => {
            let squared = correlation(x, values).powi(2);
            (squared / (1.0 - squared) * (rows - 2.0)).max(0.0)
        }
        Target::Classes { of, count } => {
            let all = mean(x);
            let mut sums = vec![(0.0, 0.0); *count];
            of.iter().zip(x).for_each(|(class, x)| sums[*class] = (sums[*class].0 + x, sums[*class].1 + 1.0));
            let groups = sums.iter().filter(|(_, rows)| *rows > 0.0).count() as f64;
            let between: f64 = sums.iter().filter(|(_, n)| *n > 0.0).map(|(sum, n)| n * (sum / n - all).powi(2)).sum();
            let within: f64 = of.iter().zip(x).map(|(class, x)| (x - sums[*class].0 / sums[*class].1).powi(2)).sum();
            let f = (between / (groups - 1.0)) / (within / (rows - groups));
            if f.is_nan() { 0.0 } else { f }
        }
    }
}

/// Of numbers the tenths of their range by rank, of few different numbers these themselves.
fn bins(values: &[f64]) -> (Vec<usize>, usize) {
    const BINS: usize = 10;
    let sorted = ascending(values.iter().copied());
    let mut edges: Vec<f64> = sorted.clone();
    edges.dedup();
    if edges.len() > BINS {
        edges = (1..BINS).map(|bin| quantile(&sorted, bin as f64 / BINS as f64)).collect();
        edges.dedup();
    } else {
        edges.pop();
    }
    (values.iter().map(|value| edges.partition_point(|edge| edge < value)).collect(), edges.len() + 1)
}

fn mutual_information(x: &[f64], y: &Target) -> f64 {
    let (x, x_bins) = bins(x);
    let (y, y_bins) = match y {
        Target::Classes { of, count } => (of.clone(), *count),
        Target::Values(values) => bins(values),
    };
    let rows = x.len() as f64;
    let mut joint = Matrix::zeros(x_bins, y_bins);
    let (mut of_x, mut of_y) = (vec![0.0; x_bins], vec![0.0; y_bins]);
    for (x, y) in x.into_iter().zip(y) {
        *joint.at_mut(x, y) += 1.0 / rows;
        of_x[x] += 1.0 / rows;
        of_y[y] += 1.0 / rows;
    }
    let cells = (0..x_bins).flat_map(|x| (0..y_bins).map(move |y| (x, y)));
    let of_cell = |(x, y): (usize, usize)| match joint.at(x, y) {
        0.0 => 0.0,
        p => p * (p / (of_x[x] * of_y[y])).ln(),
    };
    cells.map(of_cell).sum::<f64>().max(0.0)
}

/// Importance is the round in which a feature went, as a fraction of all; those that are kept have 1 and more.
fn eliminate(samples: &Samples, keep: usize, run: &Run<'_>) -> Result<Selection, LearnError> {
    let mut x = samples.x.clone();
    Scaler::learn(&x, ScalingMethod::Standard).apply(&mut x);
    let features = x.columns();
    let mut left: Vec<usize> = (0..features).collect();
    let mut importance = vec![0.0; features];
    loop {
        let now = Samples { x: x.only(&left), y: samples.y.clone() };
        let model = match samples.y {
            Target::Classes { .. } => LogisticRegression::default().fit(&now, run)?.model,
            // A little penalty: features that depend on each other have no weights of their own.
            Target::Values(_) => Ridge::default().fit(&now, run)?.model,
        };
        let weights = model.importance().unwrap_or_else(|| vec![0.0; left.len()]);
        let mut order: Vec<usize> = (0..left.len()).collect();
        order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
        if left.len() <= keep {
            let selected = order.iter().map(|at| left[*at]).collect();
            order.iter().for_each(|at| importance[left[*at]] = 1.0 + weights[*at]);
            return Ok(Selection { selected, importance });
        }
        // One at a time; of very many a tenth.
        let going = (left.len() / 50).clamp(1, left.len() - keep);
        let gone: Vec<usize> = order[order.len() - going..].to_vec();
        gone.iter().for_each(|at| importance[left[*at]] = 1.0 - left.len() as f64 / features as f64);
        left = (0..left.len()).filter(|at| !gone.contains(at)).map(|at| left[at]).collect();
    }
}
