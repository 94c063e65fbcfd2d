//! Ridge regression (Hoerl and Kennard 1970), solved by Cholesky's decomposition.

use serde::{Deserialize, Serialize};

use super::lbfgs::dot;
use super::linear::Centered;
use super::{Fitted, LearnError, Learner, Model, Run, require, values};
use crate::samples::Samples;

/// Features, at most: the decomposition takes their third power.
const MAX_FEATURES: usize = 5_000;

/// Minimises `|y - Xw|^2 + alpha |w|^2`; the intercept is not penalised. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    /// Strength of the penalty; 0 is least squares.
    pub alpha: f64,
}

impl Default for Ridge {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Learner for Ridge {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        use rayon::prelude::*;
        let y = values(samples, "ridge")?;
        require(self.alpha >= 0.0 && self.alpha.is_finite(), "alpha", self.alpha, "0 or more")?;
        let features = samples.x.columns();
        require(features <= MAX_FEATURES, "number of features", features, "at most 5000 for ridge")?;
        run.check()?;
        let centered = Centered::new(&samples.x, y);
        let mut gram: Vec<Vec<f64>> = centered
            .x
            .par_iter()
            .enumerate()
            .map(|(at, column)| centered.x[..=at].iter().map(|other| dot(column, other)).collect())
            .collect();
        gram.iter_mut().enumerate().for_each(|(at, row)| row[at] += self.alpha);
        let right: Vec<f64> = centered.x.iter().map(|column| dot(column, &centered.y)).collect();
        let coefficients = solve(gram, right).ok_or(LearnError::Singular)?;
        Ok(Model::Linear(centered.model(coefficients)).into())
    }
}

/// Solves `A w = b` for a positive definite `A`, of which the lower triangle is given; `None` when it is not.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    /// A diagonal that shrinks to this fraction of itself was nothing but rounding.
    const ROUNDING: f64 = 1e-13;
    let size = b.len();
    for at in 0..size {
        let (done, rest) = a.split_at_mut(at);
        let row = &mut rest[0];
        for before in 0..at {
            let sum = dot(&row[..before], &done[before][..before]);
            row[before] = (row[before] - sum) / done[before][before];
        }
        let left = row[at] - dot(&row[..at], &row[..at]);
        if !(left > ROUNDING * row[at]) {
            return None;
        }
        row[at] = left.sqrt();
        b[at] = (b[at] - dot(&row[..at], &b[..at])) / row[at];
    }
    for at in (0..size).rev() {
        let sum: f64 = (at + 1..size).map(|below| a[below][at] * b[below]).sum();
        b[at] = (b[at] - sum) / a[at][at];
    }
    Some(b)
}
