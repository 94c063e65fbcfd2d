//! A weighted sum of features: what ridge, lasso and elastic net learn.

use serde::{Deserialize, Serialize};

use super::Predictor;
use super::forest::fractions;
use super::form::{Form, Link};
use super::lbfgs::dot;
use super::model::{by_row, finite};
use crate::matrix::Matrix;

/// `intercept + sum(coefficient * feature)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// One for each feature.
    pub coefficients: Vec<f64>,
    /// What a row of zeros gets.
    pub intercept: f64,
}

impl Linear {
    pub(super) fn form(&self) -> Form {
        let weights = Matrix::new(self.coefficients.clone(), 1, self.coefficients.len());
        Form::Affine { weights, bias: vec![self.intercept], link: Link::Identity }
    }
}

impl Predictor for Linear {
    fn scores(&self, x: &Matrix) -> Matrix {
        by_row(x, 1, |row, score| score[0] = self.intercept + dot(&self.coefficients, row))
    }

    /// Absolute coefficients: they compare features that are on one scale.
    fn importance(&self) -> Option<Vec<f64>> {
        Some(fractions(self.coefficients.iter().map(|coefficient| coefficient.abs()).collect()))
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        outputs == 1 && self.coefficients.len() == features && finite(&self.coefficients) && self.intercept.is_finite()
    }
}

/// Features and numbers around their means, which are given, too.
pub(super) struct Centered {
    /// Column by column.
    pub(super) x: Vec<Vec<f64>>,
    pub(super) y: Vec<f64>,
    x_means: Vec<f64>,
    y_mean: f64,
}

impl Centered {
    pub(super) fn new(x: &Matrix, y: &[f64]) -> Self {
        let (x, x_means) = (0..x.columns())
            .map(|column| {
                let mut values = x.column(column);
                let mean = crate::stats::mean(&values);
                values.iter_mut().for_each(|value| *value -= mean);
                (values, mean)
            })
            .unzip();
        let y_mean = crate::stats::mean(y);
        Self { x, y: y.iter().map(|y| y - y_mean).collect(), x_means, y_mean }
    }

    /// The model of these coefficients, its intercept from the means.
    pub(super) fn model(&self, coefficients: Vec<f64>) -> Linear {
        Linear { intercept: self.y_mean - dot(&coefficients, &self.x_means), coefficients }
    }
}
