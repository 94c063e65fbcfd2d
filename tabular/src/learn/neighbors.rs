//! The k nearest neighbours (Cover and Hart 1967), searched exactly.

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::model::by_row;
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, check_samples, classes, require};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// How much a neighbour counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// All the same.
    #[default]
    Uniform,
    /// By the inverse of its distance.
    Distance,
}

/// Euclidean neighbours. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knn {
    /// Neighbours that are asked.
    pub n_neighbors: usize,
    /// How much each counts.
    pub weights: Weighting,
}

impl Default for Knn {
    fn default() -> Self {
        Self { n_neighbors: 5, weights: Weighting::Uniform }
    }
}

impl Learner for Knn {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        run.check()?;
        require(
            (1..=samples.rows()).contains(&self.n_neighbors),
            "n_neighbors",
            self.n_neighbors,
            "between 1 and the number of rows to learn from",
        )?;
        let count = if let Target::Classes { .. } = samples.y { Some(classes(samples, "knn")?.1) } else { None };
        Ok(Model::Neighbors(Neighbors {
            k: self.n_neighbors,
            weights: self.weights,
            classes: count,
            x: samples.x.clone(),
            y: samples.y.numbers(),
        })
        .into())
    }
}

/// The rows that were learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbors {
    k: usize,
    weights: Weighting,
    /// Classes, or none where a number is told.
    classes: Option<usize>,
    x: Matrix,
    y: Vec<f64>,
}

impl Neighbors {
    /// The nearest rows, each with how much it counts. Of equally near ones the first.
    fn nearest(&self, row: &[f64]) -> Vec<(usize, f64)> {
        let mut distances: Vec<(f64, usize)> = (0..self.x.rows())
            .map(|other| {
                let squares = self.x.row(other).iter().zip(row).map(|(a, b)| (a - b) * (a - b));
                (squares.sum::<f64>(), other)
            })
            .collect();
        let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if self.k < distances.len() {
            distances.select_nth_unstable_by(self.k - 1, order);
            distances.truncate(self.k);
        }
        // Rows at the very place outweigh all others.
        let exact = distances.iter().any(|(squared, _)| *squared == 0.0);
        let weight = |squared: f64| match self.weights {
            Weighting::Uniform => 1.0,
            Weighting::Distance if exact => f64::from(u8::from(squared == 0.0)),
            Weighting::Distance => 1.0 / squared.sqrt(),
        };
        distances.into_iter().map(|(squared, other)| (other, weight(squared))).collect()
    }
}

impl Neighbors {
    pub(super) fn form(&self) -> Form {
        let outputs = self.classes.unwrap_or(1);
        let mut answers = Matrix::zeros(self.y.len(), outputs);
        for (row, y) in self.y.iter().enumerate() {
            match self.classes {
                Some(_) => *answers.at_mut(row, *y as usize) = 1.0,
                None => *answers.at_mut(row, 0) = *y,
            }
        }
        Form::Neighbors { rows: self.x.clone(), answers, k: self.k, by_distance: self.weights == Weighting::Distance }
    }
}

impl Predictor for Neighbors {
    fn scores(&self, x: &Matrix) -> Matrix {
        by_row(x, self.classes.unwrap_or(1), |row, scores| {
            let nearest = self.nearest(row);
            let total: f64 = nearest.iter().map(|(_, weight)| weight).sum();
            for (other, weight) in nearest {
                match self.classes {
                    Some(_) => scores[self.y[other] as usize] += weight / total,
                    None => scores[0] += weight * self.y[other] / total,
                }
            }
        })
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let fits = |y: &f64| match self.classes {
            Some(count) => y.fract() == 0.0 && (0.0..count as f64).contains(y),
            None => y.is_finite(),
        };
        self.classes.unwrap_or(1) == outputs
            && self.x.is_sound()
            && self.x.columns() == features
            && self.x.rows() == self.y.len()
            && (1..=self.y.len()).contains(&self.k)
            && self.y.iter().all(fits)
    }
}
