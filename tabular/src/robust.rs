//! How much worse a model becomes when its features are noisy or not there.

use serde::Serialize;
use vision::Random;

use crate::learn::{Model, Predictor};
use crate::matrix::Matrix;
use crate::metrics::{accuracy, regression};
use crate::samples::{Samples, Target};
use crate::stats::variance;

/// Standard deviations of noise, as fractions of each feature's own; and fractions of cells that are missing.
const LEVELS: [f64; 2] = [0.1, 0.3];
/// Rows that are judged by, at most.
const MAX_ROWS: usize = 5_000;

/// What was done to the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// Normal noise was added.
    Noise,
    /// Cells were taken away by chance, and filled as missing ones are.
    Missing,
}

/// How good a model is on disturbed rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Disturbed {
    /// What was done.
    pub disturbance: Disturbance,
    /// How much: standard deviations as a fraction of the feature's own, or the fraction of cells.
    pub level: f64,
    /// Accuracy, or R2.
    pub score: f64,
}

/// Judges a model by disturbed rows. `fill` is what a missing value of each feature becomes.
#[must_use]
pub fn robustness(model: &Model, samples: &Samples, fill: &[f64], seed: u64) -> Vec<Disturbed> {
    let rows: Vec<usize> = (0..samples.rows().min(MAX_ROWS)).collect();
    let samples = samples.take(&rows);
    if samples.rows() < 2 || fill.len() != samples.x.columns() {
        return Vec::new();
    }
    let spread: Vec<f64> = (0..fill.len()).map(|at| variance(&samples.x.column(at), 0).sqrt()).collect();
    let judged = |disturbance: Disturbance, level: f64| {
        let mut random = Random::named(seed, if disturbance == Disturbance::Noise { "noise" } else { "missing" });
        let mut x = samples.x.clone();
        for row in 0..x.rows() {
            for (at, value) in x.row_mut(row).iter_mut().enumerate() {
                match disturbance {
                    Disturbance::Noise => *value += level * spread[at] * random.normal(),
                    Disturbance::Missing if random.unit() < level => *value = fill[at],
                    Disturbance::Missing => {}
                }
            }
        }
        Disturbed { disturbance, level, score: score(model, &x, &samples.y) }
    };
    let each = |disturbance| LEVELS.map(|level| judged(disturbance, level));
    [each(Disturbance::Noise), each(Disturbance::Missing)].concat()
}

fn score(model: &Model, x: &Matrix, y: &Target) -> f64 {
    match y {
        Target::Classes { of, .. } => accuracy(of, &model.classes(x)),
        Target::Values(values) => regression(values, model.scores(x).values()).r2,
    }
}
