//! Logistic regression with an L2 penalty: one weight vector for two classes, one for each of more (softmax).

use serde::{Deserialize, Serialize};

use super::forest::fractions;
use super::form::{Form, Link};
use super::lbfgs::{Stop, dot, minimize};
use super::model::{by_row, finite};
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, classes, log_sum_exp, require, softmax};
use crate::matrix::Matrix;
use crate::samples::Samples;

/// Minimises `C * sum of log losses + |w|^2 / 2`; intercepts are not penalised. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// Weight of the losses: the smaller, the stronger the penalty.
    #[serde(rename = "C")]
    pub c: f64,
    /// Steps, at most.
    pub max_iter: usize,
    /// Largest component of the gradient of the mean loss at which it ends.
    pub tol: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { c: 1.0, max_iter: 1_000, tol: 1e-6 }
    }
}

impl Learner for LogisticRegression {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        let (of, count) = classes(samples, "logistic")?;
        require(self.c > 0.0 && self.c.is_finite(), "C", self.c, "a positive number")?;
        require((1..=100_000).contains(&self.max_iter), "max_iter", self.max_iter, "1 to 100000")?;
        require(self.tol > 0.0, "tol", self.tol, "a positive number")?;
        let vectors = if count == 2 { 1 } else { count };
        let width = samples.x.columns() + 1;
        let rows = samples.rows() as f64;
        let penalty = 1.0 / (self.c * rows);
        let loss = |weights: &[f64], gradient: &mut [f64]| {
            gradient.fill(0.0);
            let mut loss = 0.0;
            let mut raw = vec![0.0; vectors];
            for (row, class) in of.iter().enumerate() {
                let x = samples.x.row(row);
                raw.iter_mut()
                    .zip(weights.chunks(width))
                    .for_each(|(raw, w)| *raw = w[width - 1] + dot(&w[..width - 1], x));
                loss += errors(&mut raw, *class, count);
                for (error, g) in raw.iter().zip(gradient.chunks_mut(width)) {
                    g.iter_mut().zip(x).for_each(|(g, x)| *g += error * x);
                    g[width - 1] += error;
                }
            }
            gradient.iter_mut().for_each(|g| *g /= rows);
            let mut squares = 0.0;
            for (w, g) in weights.chunks(width).zip(gradient.chunks_mut(width)) {
                squares += dot(&w[..width - 1], &w[..width - 1]);
                g[..width - 1].iter_mut().zip(w).for_each(|(g, w)| *g += penalty * w);
            }
            loss / rows + penalty * squares / 2.0
        };
        let stop = Stop { max_iterations: self.max_iter, gradient: self.tol };
        let weights = minimize(vec![0.0; vectors * width], stop, loss, || run.check())?;
        Ok(Model::Logistic(Logistic { weights: Matrix::new(weights, vectors, width) }).into())
    }
}

/// The loss of a row; its raw scores become the derivatives of the loss by them.
fn errors(raw: &mut [f64], class: usize, count: usize) -> f64 {
    if count == 2 {
        let signed = if class == 1 { raw[0] } else { -raw[0] };
        raw[0] = 1.0 / (1.0 + (-raw[0]).exp()) - class as f64;
        return log_sum_exp(&[0.0, -signed]);
    }
    let loss = log_sum_exp(raw) - raw[class];
    softmax(raw);
    raw[class] -= 1.0;
    loss
}

/// Weight vectors, each with its intercept last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    weights: Matrix,
}

impl Logistic {
    pub(super) fn form(&self) -> Form {
        let (vectors, last) = (self.weights.rows(), self.weights.columns() - 1);
        let link = if vectors == 1 { Link::Binary } else { Link::Softmax };
        let bias = self.weights.column(last);
        Form::Affine { weights: self.weights.only(&(0..last).collect::<Vec<_>>()), bias, link }
    }
}

impl Predictor for Logistic {
    fn scores(&self, x: &Matrix) -> Matrix {
        let (vectors, last) = (self.weights.rows(), self.weights.columns() - 1);
        let raw = |vector: usize, row: &[f64]| {
            let weights = self.weights.row(vector);
            weights[last] + dot(&weights[..last], row)
        };
        if vectors == 1 {
            return by_row(x, 2, |row, scores| {
                let second = 1.0 / (1.0 + (-raw(0, row)).exp());
                scores.copy_from_slice(&[1.0 - second, second]);
            });
        }
        by_row(x, vectors, |row, scores| {
            scores.iter_mut().enumerate().for_each(|(vector, score)| *score = raw(vector, row));
            softmax(scores);
        })
    }

    /// Absolute weights, summed over classes: they compare features that are on one scale.
    fn importance(&self) -> Option<Vec<f64>> {
        let sum = |feature: usize| (0..self.weights.rows()).map(|vector| self.weights.at(vector, feature).abs()).sum();
        Some(fractions((0..self.weights.columns() - 1).map(sum).collect()))
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let vectors = if outputs == 2 { 1 } else { outputs };
        self.weights.is_sound()
            && finite(self.weights.values())
            && self.weights.rows() == vectors
            && self.weights.columns() == features + 1
    }
}
