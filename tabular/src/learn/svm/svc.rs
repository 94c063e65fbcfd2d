//! Classes by support vectors: one machine for each pair of classes, which vote.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::MAX_ROWS;
use super::kernel::{Gamma, GammaRule, Kernel, KernelName};
use super::platt::{Sigmoid, couple};
use super::smo::Problem;
use crate::learn::form::{Form, FormPair};
use crate::learn::model::{by_row, finite};
use crate::learn::{Fitted, LearnError, Learner, Model, Predictor, Run, argmax, classes, require};
use crate::matrix::Matrix;
use crate::samples::Samples;

/// C-support vector classification (Cortes and Vapnik 1995). Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Svc {
    /// What an error costs.
    #[serde(rename = "C")]
    pub c: f64,
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

impl Default for Svc {
    fn default() -> Self {
        Self { c: 1.0, kernel: KernelName::Rbf, gamma: Gamma::Rule(GammaRule::Scale), degree: 3, coef0: 0.0, tol: 1e-3 }
    }
}

impl Svc {
    fn kernel(&self, x: &Matrix) -> Result<Kernel, LearnError> {
        require(self.c > 0.0 && self.c.is_finite(), "C", self.c, "a positive number")?;
        require(self.tol > 0.0 && self.tol.is_finite(), "tol", self.tol, "a positive number")?;
        require((1..=20).contains(&self.degree), "degree", self.degree, "1 to 20")?;
        require(self.coef0.is_finite(), "coef0", self.coef0, "a number")?;
        Ok(Kernel { name: self.kernel, gamma: self.gamma.of(x)?, degree: self.degree, coef0: self.coef0 })
    }
}

impl Learner for Svc {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        let (of, count) = classes(samples, "svm")?;
        if samples.rows() > MAX_ROWS {
            return Err(LearnError::TooManyRows { algorithm: "svm", rows: samples.rows(), limit: MAX_ROWS });
        }
        let kernel = self.kernel(&samples.x)?;
        let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect();
        let trained = pairs.par_iter().map(|&(a, b)| {
            let rows: Vec<usize> = (0..of.len()).filter(|row| of[*row] == a || of[*row] == b).collect();
            let y: Vec<f64> = rows.iter().map(|row| if of[*row] == a { 1.0 } else { -1.0 }).collect();
            let machine = self.machine(&samples.x, &rows, &y, (&kernel, run))?;
            let sigmoid = self.sigmoid(&samples.x, &rows, &y, (&kernel, run))?;
            Ok(PairModel { first: a, second: b, sigmoid, ..machine })
        });
        let pairs = trained.collect::<Result<Vec<_>, LearnError>>()?;
        // Each support vector is kept once, whichever pairs it supports.
        let mut used: Vec<usize> = pairs.iter().flat_map(|pair| pair.vectors.iter().copied()).collect();
        used.sort_unstable();
        used.dedup();
        let renumbered = pairs.into_iter().map(|mut pair| {
            pair.vectors.iter_mut().for_each(|row| *row = used.binary_search(row).expect("it was collected above"));
            pair
        });
        let pairs = renumbered.collect();
        Ok(Model::Svc(SvcModel { classes: count, kernel, vectors: samples.x.take(&used), pairs }).into())
    }
}

impl Svc {
    fn machine(
        &self,
        x: &Matrix,
        rows: &[usize],
        y: &[f64],
        (kernel, run): (&Kernel, &Run<'_>),
    ) -> Result<PairModel, LearnError> {
        let q = |i: usize| {
            let row = x.row(rows[i]);
            rows.iter().zip(y).map(|(other, y_other)| y[i] * y_other * kernel.of(row, x.row(*other))).collect()
        };
        let diagonal = rows.iter().map(|row| kernel.of(x.row(*row), x.row(*row))).collect();
        let problem =
            Problem { y: y.to_vec(), p: vec![-1.0; rows.len()], c: self.c, tolerance: self.tol, q: &q, diagonal };
        let solution = problem.solve(run)?;
        let (vectors, weights) = (0..rows.len())
            .filter(|at| solution.alpha[*at] > 0.0)
            .map(|at| (rows[at], solution.alpha[at] * y[at]))
            .unzip();
        Ok(PairModel { first: 0, second: 0, vectors, weights, bias: solution.bias, sigmoid: Sigmoid::default() })
    }

    /// The probability that a decision means the first class, from decisions on rows that were not learned from.
    fn sigmoid(
        &self,
        x: &Matrix,
        rows: &[usize],
        y: &[f64],
        (kernel, run): (&Kernel, &Run<'_>),
    ) -> Result<Sigmoid, LearnError> {
        const FOLDS: usize = 5;
        // Both classes dealt in turn: every fold has both where there are enough rows.
        let mut seen = [0_usize; 2];
        let fold_of: Vec<usize> = y
            .iter()
            .map(|y| {
                let class = usize::from(*y > 0.0);
                seen[class] += 1;
                (seen[class] - 1) % FOLDS
            })
            .collect();
        let mut decisions = vec![0.0; rows.len()];
        for fold in 0..FOLDS {
            let (test, train): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|at| fold_of[*at] == fold);
            let of =
                |places: &[usize]| -> (Vec<usize>, Vec<f64>) { places.iter().map(|at| (rows[*at], y[*at])).unzip() };
            let (train_rows, train_y) = of(&train);
            let both = train_y.iter().any(|y| *y > 0.0) && train_y.iter().any(|y| *y < 0.0);
            let machine = if both { Some(self.machine(x, &train_rows, &train_y, (kernel, run))?) } else { None };
            for at in test {
                // All of one class: the decision is that class.
                decisions[at] = machine
                    .as_ref()
                    .map_or_else(|| train_y.first().copied().unwrap_or(0.0), |m| m.decide(x, kernel, x.row(rows[at])));
            }
        }
        Ok(Sigmoid::fit(&decisions, y))
    }
}

/// The machine of two classes: above 0 is the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PairModel {
    first: usize,
    second: usize,
    vectors: Vec<usize>,
    weights: Vec<f64>,
    bias: f64,
    sigmoid: Sigmoid,
}

impl PairModel {
    fn decide(&self, vectors: &Matrix, kernel: &Kernel, row: &[f64]) -> f64 {
        let sum: f64 =
            self.vectors.iter().zip(&self.weights).map(|(vector, w)| w * kernel.of(vectors.row(*vector), row)).sum();
        sum + self.bias
    }
}

/// Support vectors and the machines of all pairs of classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SvcModel {
    classes: usize,
    kernel: Kernel,
    vectors: Matrix,
    pairs: Vec<PairModel>,
}

impl SvcModel {
    pub(in crate::learn) fn form(&self) -> Form {
        let pair = |pair: &PairModel| {
            let mut weights = vec![0.0; self.vectors.rows()];
            pair.vectors.iter().zip(&pair.weights).for_each(|(vector, weight)| weights[*vector] = *weight);
            FormPair { first: pair.first, second: pair.second, weights, bias: pair.bias, sigmoid: pair.sigmoid.parts() }
        };
        let pairs = self.pairs.iter().map(pair).collect();
        Form::Pairs { kernel: self.kernel, vectors: self.vectors.clone(), classes: self.classes, pairs }
    }

    fn decisions(&self, row: &[f64]) -> Vec<f64> {
        // Each support vector is compared once, whichever pairs it supports.
        let alike: Vec<f64> =
            (0..self.vectors.rows()).map(|vector| self.kernel.of(self.vectors.row(vector), row)).collect();
        let decide = |pair: &PairModel| {
            pair.bias + pair.vectors.iter().zip(&pair.weights).map(|(vector, w)| w * alike[*vector]).sum::<f64>()
        };
        self.pairs.iter().map(decide).collect()
    }
}

impl Predictor for SvcModel {
    /// Probabilities by Platt's sigmoids, coupled over the pairs.
    fn scores(&self, x: &Matrix) -> Matrix {
        by_row(x, self.classes, |row, scores| {
            let mut pairwise = Matrix::zeros(self.classes, self.classes);
            for (pair, decision) in self.pairs.iter().zip(self.decisions(row)) {
                let first = pair.sigmoid.probability(decision);
                *pairwise.at_mut(pair.first, pair.second) = first;
                *pairwise.at_mut(pair.second, pair.first) = 1.0 - first;
            }
            couple(&pairwise, scores);
        })
    }

    /// The class with most votes of pairs; of several the first.
    fn classes(&self, x: &Matrix) -> Vec<usize> {
        let votes = by_row(x, self.classes, |row, votes| {
            for (pair, decision) in self.pairs.iter().zip(self.decisions(row)) {
                votes[if decision > 0.0 { pair.first } else { pair.second }] += 1.0;
            }
        });
        (0..x.rows()).map(|row| argmax(votes.row(row))).collect()
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let pair_is_sound = |pair: &PairModel| {
            pair.first < outputs
                && pair.second < outputs
                && pair.vectors.len() == pair.weights.len()
                && pair.vectors.iter().all(|vector| *vector < self.vectors.rows())
                && finite(&pair.weights)
                && pair.bias.is_finite()
                && pair.sigmoid.is_sound()
        };
        outputs > 1
            && self.classes == outputs
            && self.pairs.len() == outputs * (outputs - 1) / 2
            && self.vectors.is_sound()
            && self.vectors.columns() == features
            && self.kernel.is_sound()
            && self.pairs.iter().all(pair_is_sound)
    }
}
