//! Numbers by support vectors: errors below `epsilon` cost nothing.

use serde::{Deserialize, Serialize};

use super::MAX_ROWS;
use super::kernel::{Gamma, GammaRule, Kernel, KernelName};
use super::smo::Problem;
use crate::learn::form::Form;
use crate::learn::model::{by_row, finite};
use crate::learn::{Fitted, LearnError, Learner, Model, Predictor, Run, require, values};
use crate::matrix::Matrix;
use crate::samples::Samples;

/// Epsilon-support vector regression (Drucker and others 1997). Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Svr {
    /// What an error costs.
    #[serde(rename = "C")]
    pub c: f64,
    /// Errors below this cost nothing.
    pub epsilon: f64,
    /// How alike two rows are.
    pub kernel: KernelName,
    /// Width of the kernel.
    pub gamma: Gamma,
    /// Degree of a polynomial.
    pub degree: u32,
    /// Constant of a polynomial.
    pub coef0: f64,
    /// Largest violation at which it ends.
    pub tol: f64,
}

impl Default for Svr {
    fn default() -> Self {
        Self {
            c: 1.0,
            epsilon: 0.1,
            kernel: KernelName::Rbf,
            gamma: Gamma::Rule(GammaRule::Scale),
            degree: 3,
            coef0: 0.0,
            tol: 1e-3,
        }
    }
}

impl Learner for Svr {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        let y = values(samples, "svr")?;
        if y.len() > MAX_ROWS / 2 {
            return Err(LearnError::TooManyRows { algorithm: "svr", rows: y.len(), limit: MAX_ROWS / 2 });
        }
        require(self.c > 0.0 && self.c.is_finite(), "C", self.c, "a positive number")?;
        require(self.epsilon >= 0.0 && self.epsilon.is_finite(), "epsilon", self.epsilon, "0 or more")?;
        require(self.tol > 0.0 && self.tol.is_finite(), "tol", self.tol, "a positive number")?;
        require((1..=20).contains(&self.degree), "degree", self.degree, "1 to 20")?;
        require(self.coef0.is_finite(), "coef0", self.coef0, "a number")?;
        let x = &samples.x;
        let kernel = Kernel { name: self.kernel, gamma: self.gamma.of(x)?, degree: self.degree, coef0: self.coef0 };
        // Two numbers for each row: one that pulls up, one that pulls down.
        let rows = y.len();
        let sign = |at: usize| if at < rows { 1.0 } else { -1.0 };
        let q = |i: usize| {
            let row = x.row(i % rows);
            let alike: Vec<f64> = (0..rows).map(|other| kernel.of(row, x.row(other))).collect();
            (0..2 * rows).map(|j| sign(i) * sign(j) * alike[j % rows]).collect()
        };
        let problem = Problem {
            y: (0..2 * rows).map(sign).collect(),
            p: (0..2 * rows).map(|at| self.epsilon - sign(at) * y[at % rows]).collect(),
            c: self.c,
            tolerance: self.tol,
            q: &q,
            diagonal: (0..2 * rows).map(|at| kernel.of(x.row(at % rows), x.row(at % rows))).collect(),
        };
        let solution = problem.solve(run)?;
        let pull = |row: usize| solution.alpha[row] - solution.alpha[row + rows];
        let used: Vec<usize> = (0..rows).filter(|row| pull(*row) != 0.0).collect();
        let weights = used.iter().map(|row| pull(*row)).collect();
        Ok(Model::Svr(SvrModel { kernel, vectors: x.take(&used), weights, bias: solution.bias }).into())
    }
}

/// Support vectors with their weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SvrModel {
    kernel: Kernel,
    vectors: Matrix,
    weights: Vec<f64>,
    bias: f64,
}

impl SvrModel {
    pub(in crate::learn) fn form(&self) -> Form {
        let (vectors, weights) = (self.vectors.clone(), self.weights.clone());
        Form::Kernel { kernel: self.kernel, vectors, weights, bias: self.bias }
    }
}

impl Predictor for SvrModel {
    fn scores(&self, x: &Matrix) -> Matrix {
        by_row(x, 1, |row, score| {
            let pulls = self.weights.iter().enumerate().map(|(at, w)| w * self.kernel.of(self.vectors.row(at), row));
            score[0] = self.bias + pulls.sum::<f64>();
        })
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        outputs == 1
            && self.vectors.is_sound()
            && (self.vectors.columns() == features || self.weights.is_empty())
            && self.vectors.rows() == self.weights.len()
            && finite(&self.weights)
            && self.bias.is_finite()
            && self.kernel.is_sound()
    }
}
