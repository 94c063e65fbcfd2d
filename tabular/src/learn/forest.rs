//! Random forests (Breiman 2001), and the single tree as a forest of one.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision::Random;

use super::form::{Form, Link};
use super::model::by_row;
use super::tree::{Columns, Growth, Outcome, Tree, grow};
use super::{Fitted, LearnError, Learner, Model, Predictor, Run, check_samples, classes, require};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// How many features are looked at for each split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxFeatures {
    /// By a rule.
    Rule(FeatureRule),
    /// So many.
    Count(usize),
    /// A fraction of all.
    Fraction(f64),
}

/// A number of features that follows from how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureRule {
    /// The square root.
    Sqrt,
    /// The binary logarithm.
    Log2,
    /// All of them.
    All,
}

impl MaxFeatures {
    pub(super) fn of(self, features: usize) -> Result<usize, LearnError> {
        let count = match self {
            Self::Rule(FeatureRule::Sqrt) => (features as f64).sqrt() as usize,
            Self::Rule(FeatureRule::Log2) => (features as f64).log2() as usize,
            Self::Rule(FeatureRule::All) => features,
            Self::Count(count) => {
                require(count > 0, "max_features", count, "at least 1")?;
                count
            }
            Self::Fraction(fraction) => {
                require(fraction > 0.0 && fraction <= 1.0, "max_features", fraction, "between 0 and 1")?;
                (fraction * features as f64) as usize
            }
        };
        Ok(count.clamp(1, features))
    }
}

/// A single tree. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTree {
    /// Questions from the root to a leaf, at most.
    pub max_depth: Option<usize>,
    /// Rows that a node needs to be split.
    pub min_samples_split: usize,
    /// Rows of a leaf.
    pub min_samples_leaf: usize,
    /// Features that are looked at for each split.
    pub max_features: Option<MaxFeatures>,
}

impl Default for DecisionTree {
    fn default() -> Self {
        Self { max_depth: None, min_samples_split: 2, min_samples_leaf: 1, max_features: None }
    }
}

impl DecisionTree {
    pub(super) fn growth(&self, features: usize, default: MaxFeatures) -> Result<Growth, LearnError> {
        require(self.min_samples_split >= 2, "min_samples_split", self.min_samples_split, "at least 2")?;
        require(self.min_samples_leaf >= 1, "min_samples_leaf", self.min_samples_leaf, "at least 1")?;
        require(self.max_depth != Some(0), "max_depth", 0, "at least 1, or null")?;
        Ok(Growth {
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features.unwrap_or(default).of(features)?,
        })
    }
}

impl Learner for DecisionTree {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        run.check()?;
        let growth = self.growth(samples.x.columns(), MaxFeatures::Rule(FeatureRule::All))?;
        let columns = Columns::new(&samples.x);
        let weights = vec![1.0; samples.rows()];
        let mut random = Random::named(run.seed, "tree");
        let grown = grow(&columns, outcome(&samples.y), &weights, &growth, &mut random);
        let importance = fractions(grown.importance);
        Ok(Model::Forest(Forest { trees: vec![grown.tree], outputs: samples.y.outputs(), importance }).into())
    }
}

/// Many trees, each of rows sampled with replacement. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomForest {
    /// Trees.
    pub n_estimators: usize,
    /// Questions from the root to a leaf, at most.
    pub max_depth: Option<usize>,
    /// Rows that a node needs to be split.
    pub min_samples_split: usize,
    /// Rows of a leaf.
    pub min_samples_leaf: usize,
    /// Features that are looked at for each split: the square root for classes, all for numbers.
    pub max_features: Option<MaxFeatures>,
    /// Whether each tree has rows sampled with replacement, or all.
    pub bootstrap: bool,
}

impl Default for RandomForest {
    fn default() -> Self {
        let DecisionTree { max_depth, min_samples_split, min_samples_leaf, max_features } = DecisionTree::default();
        Self { n_estimators: 100, max_depth, min_samples_split, min_samples_leaf, max_features, bootstrap: true }
    }
}

impl Learner for RandomForest {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        const MAX_TREES: usize = 10_000;
        check_samples(samples)?;
        require((1..=MAX_TREES).contains(&self.n_estimators), "n_estimators", self.n_estimators, "1 to 10000")?;
        let Self { max_depth, min_samples_split, min_samples_leaf, max_features, .. } = *self;
        let tree = DecisionTree { max_depth, min_samples_split, min_samples_leaf, max_features };
        let default = match samples.y {
            Target::Classes { .. } => FeatureRule::Sqrt,
            Target::Values(_) => FeatureRule::All,
        };
        let growth = tree.growth(samples.x.columns(), MaxFeatures::Rule(default))?;
        if let Target::Classes { .. } = samples.y {
            classes(samples, "random_forest")?;
        }
        let columns = Columns::new(&samples.x);
        let rows = samples.rows();
        let grown = (0..self.n_estimators).into_par_iter().map(|number| {
            run.check()?;
            let mut random = Random::stream(run.seed, number as u64);
            let mut weights = vec![if self.bootstrap { 0.0 } else { 1.0 }; rows];
            if self.bootstrap {
                (0..rows).for_each(|_| weights[random.below(rows)] += 1.0);
            }
            let grown = grow(&columns, outcome(&samples.y), &weights, &growth, &mut random);
            Ok((grown.tree, fractions(grown.importance)))
        });
        let (trees, importances): (Vec<Tree>, Vec<Vec<f64>>) =
            grown.collect::<Result<Vec<_>, LearnError>>()?.into_iter().unzip();
        let mut importance = vec![0.0; samples.x.columns()];
        for of_tree in importances {
            importance.iter_mut().zip(of_tree).for_each(|(sum, part)| *sum += part);
        }
        Ok(Model::Forest(Forest { trees, outputs: samples.y.outputs(), importance: fractions(importance) }).into())
    }
}

pub(super) fn outcome(y: &Target) -> Outcome<'_> {
    match y {
        Target::Classes { of, count } => Outcome::Classes { of, count: *count },
        Target::Values(values) => Outcome::Values(values),
    }
}

/// The same, adding up to 1 where there is anything.
pub(super) fn fractions(mut values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.iter_mut().for_each(|value| *value /= sum);
    }
    values
}

/// The mean of trees: class frequencies of the leaves, or numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forest {
    trees: Vec<Tree>,
    outputs: usize,
    importance: Vec<f64>,
}

impl Forest {
    pub(super) fn form(&self) -> Form {
        let part = 1.0 / self.trees.len() as f64;
        let add = |tree: &Tree, leaf: usize| {
            let values = tree.leaf_values(leaf, self.outputs).iter().enumerate();
            // A leaf says something, if only that it is 0.
            let said = values.filter(|(_, value)| self.outputs == 1 || **value != 0.0);
            said.map(|(output, value)| (output, part * value)).collect()
        };
        let trees = self.trees.iter().map(|tree| tree.form(|leaf| add(tree, leaf))).collect();
        Form::Trees { trees, base: vec![0.0; self.outputs], link: Link::Identity }
    }
}

impl Predictor for Forest {
    fn scores(&self, x: &Matrix) -> Matrix {
        by_row(x, self.outputs, |row, scores| {
            for tree in &self.trees {
                let value = tree.value(row, self.outputs);
                scores.iter_mut().zip(value).for_each(|(sum, value)| *sum += value);
            }
            scores.iter_mut().for_each(|score| *score /= self.trees.len() as f64);
        })
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some(self.importance.clone())
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        !self.trees.is_empty()
            && self.outputs == outputs
            && self.importance.len() == features
            && self.trees.iter().all(|tree| tree.is_sound(features, outputs))
    }
}
