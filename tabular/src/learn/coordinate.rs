//! Lasso and elastic net by coordinate descent (Friedman, Hastie and Tibshirani 2010).

use serde::{Deserialize, Serialize};

use super::lbfgs::dot;
use super::linear::Centered;
use super::{Fitted, LearnError, Learner, Model, Run, require, values};
use crate::samples::Samples;

/// Minimises `|y - Xw|^2 / (2 n) + alpha * l1_ratio * |w|_1 + alpha * (1 - l1_ratio) * |w|^2 / 2`; the intercept is not penalised.
/// Hyperparameters are called as in scikit-learn. The lasso is the one with `l1_ratio` 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNet {
    /// Strength of the penalty.
    pub alpha: f64,
    /// Part of it that is on absolute values, 0 to 1.
    pub l1_ratio: f64,
    /// Rounds over all features, at most.
    pub max_iter: usize,
    /// Change of the predictions, relative to the spread of the numbers, at which it ends.
    pub tol: f64,
}

impl Default for ElasticNet {
    fn default() -> Self {
        Self { alpha: 1.0, l1_ratio: 0.5, max_iter: 10_000, tol: 1e-7 }
    }
}

impl Learner for ElasticNet {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        let y = values(samples, "elasticnet")?;
        require(self.alpha >= 0.0 && self.alpha.is_finite(), "alpha", self.alpha, "0 or more")?;
        require((0.0..=1.0).contains(&self.l1_ratio), "l1_ratio", self.l1_ratio, "0 to 1")?;
        require((1..=1_000_000).contains(&self.max_iter), "max_iter", self.max_iter, "1 to 1000000")?;
        require(self.tol > 0.0, "tol", self.tol, "a positive number")?;
        let centered = Centered::new(&samples.x, y);
        let rows = y.len() as f64;
        let l1 = self.alpha * self.l1_ratio * rows;
        let l2 = self.alpha * (1.0 - self.l1_ratio) * rows;
        let squares: Vec<f64> = centered.x.iter().map(|column| dot(column, column)).collect();
        let mut coefficients = vec![0.0; centered.x.len()];
        let mut residual = centered.y.clone();
        let spread = dot(&residual, &residual).sqrt();
        for _ in 0..self.max_iter {
            run.check()?;
            let mut largest: f64 = 0.0;
            for ((column, square), coefficient) in centered.x.iter().zip(&squares).zip(&mut coefficients) {
                if *square <= 0.0 {
                    continue;
                }
                let before = *coefficient;
                let pull = dot(column, &residual) + before * square;
                let next = pull.signum() * (pull.abs() - l1).max(0.0) / (square + l2);
                let change = next - before;
                if change != 0.0 {
                    residual.iter_mut().zip(column).for_each(|(residual, x)| *residual -= change * x);
                    *coefficient = next;
                    largest = largest.max(change.abs() * square.sqrt());
                }
            }
            if largest <= self.tol * spread {
                break;
            }
        }
        Ok(Model::Linear(centered.model(coefficients)).into())
    }
}
