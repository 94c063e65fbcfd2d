//! Naive Bayes with a normal distribution for each feature of each class.

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::model::{by_row, finite};
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, classes, require, softmax};
use crate::matrix::Matrix;
use crate::samples::Samples;
use crate::stats::variance;

/// Takes features for independent within a class. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NaiveBayes {
    /// What is added to all variances, as a fraction of the largest variance of a feature.
    pub var_smoothing: f64,
}

impl Default for NaiveBayes {
    fn default() -> Self {
        Self { var_smoothing: 1e-9 }
    }
}

impl Learner for NaiveBayes {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        let (of, count) = classes(samples, "naive_bayes")?;
        require(
            self.var_smoothing >= 0.0 && self.var_smoothing.is_finite(),
            "var_smoothing",
            self.var_smoothing,
            "0 or more",
        )?;
        run.check()?;
        let features = samples.x.columns();
        let columns: Vec<Vec<f64>> = (0..features).map(|feature| samples.x.column(feature)).collect();
        let largest = columns.iter().map(|column| variance(column, 0)).fold(0.0, f64::max);
        // Without any spread at all every class is equally likely; a variance of nothing would divide by zero.
        let added = (self.var_smoothing * largest).max(f64::MIN_POSITIVE.sqrt());
        let mut model = GaussianBayes {
            priors: vec![0.0; count],
            means: Matrix::zeros(count, features),
            variances: Matrix::zeros(count, features),
        };
        for class in 0..count {
            let rows: Vec<usize> = (0..of.len()).filter(|row| of[*row] == class).collect();
            model.priors[class] = rows.len() as f64 / of.len() as f64;
            for (feature, column) in columns.iter().enumerate() {
                let values: Vec<f64> = rows.iter().map(|row| column[*row]).collect();
                let (mean, spread) =
                    if values.is_empty() { (0.0, 0.0) } else { (crate::stats::mean(&values), variance(&values, 0)) };
                *model.means.at_mut(class, feature) = mean;
                *model.variances.at_mut(class, feature) = spread + added;
            }
        }
        Ok(Model::Bayes(model).into())
    }
}

/// Frequencies of classes, and mean and variance of each feature in each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBayes {
    priors: Vec<f64>,
    means: Matrix,
    variances: Matrix,
}

impl GaussianBayes {
    fn constants(&self) -> Vec<f64> {
        (0..self.priors.len())
            .map(|class| {
                let logs: f64 = self.variances.row(class).iter().map(|v| (std::f64::consts::TAU * v).ln()).sum();
                // A class without rows is never likely, and has a finite logarithm all the same.
                self.priors[class].max(f64::MIN_POSITIVE).ln() - logs / 2.0
            })
            .collect()
    }

    pub(super) fn form(&self) -> Form {
        Form::Bayes { constants: self.constants(), means: self.means.clone(), variances: self.variances.clone() }
    }
}

impl Predictor for GaussianBayes {
    fn scores(&self, x: &Matrix) -> Matrix {
        let constants = self.constants();
        by_row(x, self.priors.len(), |row, scores| {
            for (class, score) in scores.iter_mut().enumerate() {
                let (means, variances) = (self.means.row(class), self.variances.row(class));
                let distance: f64 =
                    row.iter().zip(means).zip(variances).map(|((x, mean), v)| (x - mean).powi(2) / v).sum();
                *score = constants[class] - distance / 2.0;
            }
            softmax(scores);
        })
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let shaped = |matrix: &Matrix| matrix.is_sound() && matrix.rows() == outputs && matrix.columns() == features;
        self.priors.len() == outputs
            && finite(&self.priors)
            && shaped(&self.means)
            && shaped(&self.variances)
            && self.variances.values().iter().all(|variance| *variance > 0.0)
    }
}
