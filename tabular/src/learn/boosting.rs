//! Gradient boosting of trees (Friedman 2001), stochastic where `subsample` is below 1 (Friedman 2002).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision::Random;

use super::forest::{DecisionTree, FeatureRule, MaxFeatures, fractions};
use super::form::{Form, Link};
use super::model::{by_row, finite};
use super::tree::{Columns, Growth, Outcome, Tree, grow};
use super::{
    Fitted, LearnError, Learner, Model, Predictor, Run, Step, check_samples, classes, log_sum_exp, require, softmax,
};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};
use crate::split::shuffle;

/// Trees, each of which mends what those before it leave. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// Rounds; a round has one tree, or one for each of more than two classes.
    pub n_estimators: usize,
    /// What part of each tree's correction is made.
    pub learning_rate: f64,
    /// Fraction of the rows of each round.
    pub subsample: f64,
    /// Questions from the root to a leaf, at most.
    pub max_depth: usize,
    /// Rows that a node needs to be split.
    pub min_samples_split: usize,
    /// Rows of a leaf.
    pub min_samples_leaf: usize,
    /// Features that are looked at for each split; all by default.
    pub max_features: Option<MaxFeatures>,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            learning_rate: 0.1,
            subsample: 1.0,
            max_depth: 3,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
        }
    }
}

/// What is minimised: half the squared error, or the negative log-likelihood of two classes or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Squared,
    Binary,
    Multinomial(usize),
}

impl GradientBoosting {
    fn growth(&self, features: usize) -> Result<Growth, LearnError> {
        require((1..=10_000).contains(&self.n_estimators), "n_estimators", self.n_estimators, "1 to 10000")?;
        let rate = self.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "a positive number")?;
        require(self.subsample > 0.0 && self.subsample <= 1.0, "subsample", self.subsample, "above 0 and at most 1")?;
        DecisionTree {
            max_depth: Some(self.max_depth),
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features,
        }
        .growth(features, MaxFeatures::Rule(FeatureRule::All))
    }
}

impl Learner for GradientBoosting {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        let growth = self.growth(samples.x.columns())?;
        let loss = match &samples.y {
            Target::Values(_) => Loss::Squared,
            Target::Classes { count, .. } => {
                classes(samples, "gradient_boosting")?;
                if *count == 2 { Loss::Binary } else { Loss::Multinomial(*count) }
            }
        };
        let columns = Columns::new(&samples.x);
        let mut model = Boosted {
            classes: if let Target::Classes { count, .. } = samples.y { Some(count) } else { None },
            start: start(&samples.y, loss),
            trees: Vec::new(),
            rate: self.learning_rate,
            importance: Vec::new(),
        };
        let mut importance = vec![0.0; samples.x.columns()];
        let mut raw = model.raw(&samples.x);
        let mut raw_validation = run.validation.map(|validation| model.raw(&validation.x));
        let mut history = Vec::with_capacity(self.n_estimators);
        let mut best = (f64::INFINITY, 0);
        for round in 0..self.n_estimators {
            run.check()?;
            let weights = self.weights(samples.rows(), Random::stream(run.seed, round as u64));
            let outputs = model.start.len();
            let grown: Vec<_> = (0..outputs)
                .into_par_iter()
                .map(|output| {
                    let residuals = residuals(&samples.y, loss, &raw, output);
                    let mut random = Random::stream(run.seed ^ 0x7ee, (round * outputs + output) as u64);
                    let mut grown = grow(&columns, Outcome::Values(&residuals), &weights, &growth, &mut random);
                    let steps = steps(loss, &residuals, &weights, &grown.leaf_of, grown.tree.leaves());
                    grown.tree.set_values(steps);
                    (grown.tree, fractions(grown.importance))
                })
                .collect();
            for (output, (tree, of_tree)) in grown.iter().enumerate() {
                for row in 0..raw.rows() {
                    *raw.at_mut(row, output) += self.learning_rate * tree.value(samples.x.row(row), 1)[0];
                }
                importance.iter_mut().zip(of_tree).for_each(|(sum, part)| *sum += part);
            }
            if let (Some(raw), Some(validation)) = (&mut raw_validation, run.validation) {
                for (output, (tree, _)) in grown.iter().enumerate() {
                    for row in 0..raw.rows() {
                        *raw.at_mut(row, output) += self.learning_rate * tree.value(validation.x.row(row), 1)[0];
                    }
                }
            }
            model.trees.extend(grown.into_iter().map(|(tree, _)| tree));
            let validation_loss = raw_validation
                .as_ref()
                .zip(run.validation)
                .map(|(raw, validation)| mean_loss(&validation.y, loss, raw));
            let train_loss = Some(mean_loss(&samples.y, loss, &raw));
            let step = Step { step: round + 1, of: self.n_estimators, train_loss, validation_loss };
            (run.progress)(step);
            history.push(step);
            if let Some(validation_loss) = validation_loss
                && validation_loss < best.0
            {
                best = (validation_loss, round + 1);
            }
            if let (Some(patience), Some(_)) = (run.patience, validation_loss)
                && round + 1 >= best.1 + patience
            {
                model.trees.truncate(best.1.max(1) * model.start.len());
                break;
            }
        }
        model.importance = fractions(importance);
        Ok(Fitted { model: Model::Boosted(model), history })
    }
}

impl GradientBoosting {
    /// 1 for the rows of a round, 0 for the others.
    fn weights(&self, rows: usize, mut random: Random) -> Vec<f64> {
        if self.subsample >= 1.0 {
            return vec![1.0; rows];
        }
        let taken = ((self.subsample * rows as f64) as usize).max(1);
        let mut weights: Vec<f64> = (0..rows).map(|row| f64::from(u8::from(row < taken))).collect();
        shuffle(&mut weights, &mut random);
        weights
    }
}

/// What is predicted before the first tree: the mean, or the logarithms of the classes' frequencies.
fn start(y: &Target, loss: Loss) -> Vec<f64> {
    match y {
        Target::Values(values) => vec![crate::stats::mean(values)],
        Target::Classes { of, count } => {
            let mut frequency = vec![0.0; *count];
            of.iter().for_each(|class| frequency[*class] += 1.0 / of.len() as f64);
            // A class without rows has a logarithm, too.
            let log = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
            if loss == Loss::Binary {
                vec![log(frequency[1]) - log(frequency[0])]
            } else {
                frequency.into_iter().map(log).collect()
            }
        }
    }
}

fn sigmoid(raw: f64) -> f64 {
    1.0 / (1.0 + (-raw).exp())
}

/// The negative gradient of the loss, row by row.
fn residuals(y: &Target, loss: Loss, raw: &Matrix, output: usize) -> Vec<f64> {
    let told = |of: &[usize], row: usize, class: usize| f64::from(u8::from(of[row] == class));
    (0..raw.rows())
        .map(|row| match (y, loss) {
            (Target::Values(values), _) => values[row] - raw.at(row, 0),
            (Target::Classes { of, .. }, Loss::Binary) => told(of, row, 1) - sigmoid(raw.at(row, 0)),
            (Target::Classes { of, .. }, _) => {
                told(of, row, output) - (raw.at(row, output) - log_sum_exp(raw.row(row))).exp()
            }
        })
        .collect()
}

/// The values of the leaves: one Newton step of the loss (Friedman 2001, equations 29 and 34).
fn steps(loss: Loss, residuals: &[f64], weights: &[f64], leaf_of: &[u32], leaves: usize) -> Vec<f64> {
    let mut above = vec![0.0; leaves];
    let mut below = vec![0.0; leaves];
    for (row, residual) in residuals.iter().enumerate().filter(|(row, _)| weights[*row] > 0.0) {
        let leaf = leaf_of[row] as usize;
        above[leaf] += residual;
        below[leaf] += match loss {
            Loss::Squared => 1.0,
            _ => residual.abs() * (1.0 - residual.abs()),
        };
    }
    let factor = if let Loss::Multinomial(count) = loss { (count as f64 - 1.0) / count as f64 } else { 1.0 };
    above.iter().zip(below).map(|(above, below)| if below < 1e-150 { 0.0 } else { factor * above / below }).collect()
}

fn mean_loss(y: &Target, loss: Loss, raw: &Matrix) -> f64 {
    let rows = raw.rows().max(1) as f64;
    let of_row = |row: usize| match (y, loss) {
        (Target::Values(values), _) => (values[row] - raw.at(row, 0)).powi(2),
        (Target::Classes { of, .. }, Loss::Binary) => {
            let signed = if of[row] == 1 { raw.at(row, 0) } else { -raw.at(row, 0) };
            log_sum_exp(&[0.0, -signed])
        }
        (Target::Classes { of, .. }, _) => log_sum_exp(raw.row(row)) - raw.at(row, of[row]),
    };
    (0..raw.rows()).map(of_row).sum::<f64>() / rows
}

/// The sum of trees: a number, log-odds of the second of two classes, or one number for each class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boosted {
    /// Classes, or none where a number is told.
    classes: Option<usize>,
    start: Vec<f64>,
    /// Round by round, one for each of `start`.
    trees: Vec<Tree>,
    rate: f64,
    importance: Vec<f64>,
}

impl Boosted {
    /// Trees that were grown elsewhere, round by round, one for each of `start`; `None` when they do not fit together.
    pub(super) fn of_trees(
        classes: Option<usize>,
        start: Vec<f64>,
        trees: Vec<Tree>,
        importance: Vec<f64>,
    ) -> Option<Self> {
        let (features, outputs) = (importance.len(), classes.unwrap_or(1));
        let model = Self { classes, start, trees, rate: 1.0, importance };
        model.is_sound(features, outputs).then_some(model)
    }

    pub(super) fn form(&self) -> Form {
        let sums = self.start.len();
        let trees =
            self.trees.iter().enumerate().map(|(number, tree)| {
                tree.form(|leaf| vec![(number % sums, self.rate * tree.leaf_values(leaf, 1)[0])])
            });
        let link = match self.classes {
            None => Link::Identity,
            Some(2) => Link::Binary,
            Some(_) => Link::Softmax,
        };
        Form::Trees { trees: trees.collect(), base: self.start.clone(), link }
    }

    /// The sums before they become probabilities.
    fn raw(&self, x: &Matrix) -> Matrix {
        by_row(x, self.start.len(), |row, raw| self.sum(row, raw))
    }

    fn sum(&self, row: &[f64], raw: &mut [f64]) {
        raw.copy_from_slice(&self.start);
        for round in self.trees.chunks(self.start.len()) {
            raw.iter_mut().zip(round).for_each(|(raw, tree)| *raw += self.rate * tree.value(row, 1)[0]);
        }
    }
}

impl Predictor for Boosted {
    fn scores(&self, x: &Matrix) -> Matrix {
        match self.classes {
            None => self.raw(x),
            Some(2) => by_row(x, 2, |row, scores| {
                let mut raw = [0.0];
                self.sum(row, &mut raw);
                let second = sigmoid(raw[0]);
                scores.copy_from_slice(&[1.0 - second, second]);
            }),
            Some(classes) => by_row(x, classes, |row, scores| {
                self.sum(row, scores);
                softmax(scores);
            }),
        }
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some(self.importance.clone())
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        let sums = match self.classes {
            None | Some(2) => 1,
            Some(classes) => classes,
        };
        self.classes.unwrap_or(1) == outputs
            && self.start.len() == sums
            && finite(&self.start)
            && self.rate.is_finite()
            && self.importance.len() == features
            && self.trees.len().is_multiple_of(sums)
            && self.trees.iter().all(|tree| tree.is_sound(features, 1))
    }
}
