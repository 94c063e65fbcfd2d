//! AdaBoost: SAMME for classes (Zhu, Zou, Rosset and Hastie 2009), AdaBoost.R2 for numbers (Drucker 1997).

use serde::{Deserialize, Serialize};
use vision::Random;

use super::forest::{DecisionTree, FeatureRule, MaxFeatures, fractions, outcome};
use super::form::{Form, Link};
use super::model::{by_row, finite};
use super::tree::{Columns, Grown, Growth, Tree, grow};
use super::{
    Fitted, LearnError, Learner, Model, Predictor, Run, Step, argmax, check_samples, classes, require, softmax,
};
use crate::matrix::Matrix;
use crate::samples::{Samples, Target};

/// Small trees, each of which looks hardest at what those before it got wrong. Hyperparameters are called as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaBoost {
    /// Trees, at most.
    pub n_estimators: usize,
    /// What part of each tree's weight counts.
    pub learning_rate: f64,
    /// Questions from the root to a leaf: 1 for classes, 3 for numbers.
    pub max_depth: Option<usize>,
}

impl Default for AdaBoost {
    fn default() -> Self {
        Self { n_estimators: 50, learning_rate: 1.0, max_depth: None }
    }
}

impl Learner for AdaBoost {
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError> {
        check_samples(samples)?;
        require((1..=10_000).contains(&self.n_estimators), "n_estimators", self.n_estimators, "1 to 10000")?;
        let rate = self.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "a positive number")?;
        let default = if let Target::Classes { .. } = samples.y { 1 } else { 3 };
        let tree = DecisionTree { max_depth: self.max_depth.or(Some(default)), ..DecisionTree::default() };
        let growth = tree.growth(samples.x.columns(), MaxFeatures::Rule(FeatureRule::All))?;
        let columns = Columns::new(&samples.x);
        match &samples.y {
            Target::Classes { .. } => self.classify(samples, run, &growth, &columns),
            Target::Values(values) => self.regress(samples, values, run, (&growth, &columns)),
        }
    }
}

impl AdaBoost {
    fn step(&self, round: usize, run: &Run<'_>, history: &mut Vec<Step>) {
        let step = Step { step: round + 1, of: self.n_estimators, train_loss: None, validation_loss: None };
        (run.progress)(step);
        history.push(step);
    }

    fn classify(
        &self,
        samples: &Samples,
        run: &Run<'_>,
        growth: &Growth,
        columns: &Columns,
    ) -> Result<Fitted, LearnError> {
        let (of, count) = classes(samples, "adaboost")?;
        let rows = samples.rows();
        let mut weights = vec![1.0 / rows as f64; rows];
        let mut model =
            AdaBoostClassifier { classes: count, trees: Vec::new(), weights: Vec::new(), importance: Vec::new() };
        let mut importance = vec![0.0; samples.x.columns()];
        let mut history = Vec::new();
        for round in 0..self.n_estimators {
            run.check()?;
            let mut random = Random::stream(run.seed, round as u64);
            let Grown { tree, importance: of_tree, .. } =
                grow(columns, outcome(&samples.y), &weights, growth, &mut random);
            let wrong: Vec<bool> =
                (0..rows).map(|row| argmax(tree.value(samples.x.row(row), count)) != of[row]).collect();
            let total: f64 = weights.iter().sum();
            let error = weights.iter().zip(&wrong).filter(|(_, wrong)| **wrong).map(|(w, _)| w).sum::<f64>() / total;
            self.step(round, run, &mut history);
            if error >= 1.0 - 1.0 / count as f64 && round > 0 {
                break;
            }
            // A tree without errors is all that is needed; one no better than chance is all there is.
            let odds = ((1.0 - error) / error).ln() + (count as f64 - 1.0).ln();
            let alpha = if error <= 0.0 || !(odds > 0.0) { 1.0 } else { self.learning_rate * odds };
            importance.iter_mut().zip(fractions(of_tree)).for_each(|(sum, part)| *sum += alpha * part);
            model.trees.push(tree);
            model.weights.push(alpha);
            if error <= 0.0 || !(odds > 0.0) {
                break;
            }
            let grow_by = alpha.exp();
            weights.iter_mut().zip(&wrong).filter(|(_, wrong)| **wrong).for_each(|(weight, _)| *weight *= grow_by);
            let total: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        model.importance = fractions(importance);
        Ok(Fitted { model: Model::AdaBoostClassifier(model), history })
    }

    fn regress(
        &self,
        samples: &Samples,
        y: &[f64],
        run: &Run<'_>,
        (growth, columns): (&Growth, &Columns),
    ) -> Result<Fitted, LearnError> {
        let rows = samples.rows();
        let mut weights = vec![1.0 / rows as f64; rows];
        let mut model = AdaBoostRegressor { trees: Vec::new(), weights: Vec::new(), importance: Vec::new() };
        let mut importance = vec![0.0; samples.x.columns()];
        let mut history = Vec::new();
        for round in 0..self.n_estimators {
            run.check()?;
            let mut random = Random::stream(run.seed, round as u64);
            let sampled = draw(&weights, &mut random);
            let Grown { tree, importance: of_tree, .. } =
                grow(columns, outcome(&samples.y), &sampled, growth, &mut random);
            let mut errors: Vec<f64> =
                (0..rows).map(|row| (tree.value(samples.x.row(row), 1)[0] - y[row]).abs()).collect();
            let largest = errors.iter().copied().fold(0.0, f64::max);
            if largest > 0.0 {
                errors.iter_mut().for_each(|error| *error /= largest);
            }
            let error: f64 = errors.iter().zip(&weights).map(|(error, weight)| error * weight).sum();
            self.step(round, run, &mut history);
            if error >= 0.5 && round > 0 {
                break;
            }
            let beta = error / (1.0 - error);
            let done = error <= 0.0 || error >= 0.5;
            let weight = if done { 1.0 } else { -self.learning_rate * beta.ln() };
            importance.iter_mut().zip(fractions(of_tree)).for_each(|(sum, part)| *sum += weight * part);
            model.trees.push(tree);
            model.weights.push(weight);
            if done {
                break;
            }
            weights.iter_mut().zip(&errors).for_each(|(w, error)| *w *= beta.powf((1.0 - error) * self.learning_rate));
            let total: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        model.importance = fractions(importance);
        Ok(Fitted { model: Model::AdaBoostRegressor(model), history })
    }
}

/// How often each row is sampled, of as many samples as there are rows, by weight.
fn draw(weights: &[f64], random: &mut Random) -> Vec<f64> {
    let mut below = 0.0;
    let cumulative: Vec<f64> = weights.iter().map(|weight| (below += weight, below).1).collect();
    let mut sampled = vec![0.0; weights.len()];
    for _ in 0..weights.len() {
        // One number for the whole search: another at each of its steps would draw by no weights at all.
        let place = random.unit() * below;
        let at = cumulative.partition_point(|sum| *sum <= place);
        sampled[at.min(weights.len() - 1)] += 1.0;
    }
    sampled
}

/// Votes of trees with weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaBoostClassifier {
    classes: usize,
    trees: Vec<Tree>,
    weights: Vec<f64>,
    importance: Vec<f64>,
}

impl AdaBoostClassifier {
    pub(super) fn form(&self) -> Form {
        let total: f64 = self.weights.iter().sum();
        let others = self.classes as f64 - 1.0;
        let add = |tree: &Tree, weight: f64, leaf: usize| {
            let vote = argmax(tree.leaf_values(leaf, self.classes));
            let part = weight / (total * others);
            (0..self.classes).map(|class| (class, if class == vote { part } else { -part / others })).collect()
        };
        let trees =
            self.trees.iter().zip(&self.weights).map(|(tree, weight)| tree.form(|leaf| add(tree, *weight, leaf)));
        Form::Trees { trees: trees.collect(), base: vec![0.0; self.classes], link: Link::Softmax }
    }
}

impl Predictor for AdaBoostClassifier {
    fn scores(&self, x: &Matrix) -> Matrix {
        let total: f64 = self.weights.iter().sum();
        let others = self.classes as f64 - 1.0;
        by_row(x, self.classes, |row, scores| {
            for (tree, weight) in self.trees.iter().zip(&self.weights) {
                let vote = argmax(tree.value(row, self.classes));
                let for_others = -weight / others;
                scores.iter_mut().enumerate().for_each(|(class, score)| {
                    *score += if class == vote { *weight } else { for_others };
                });
            }
            scores.iter_mut().for_each(|score| *score /= total * others);
            softmax(scores);
        })
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some(self.importance.clone())
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        self.classes == outputs
            && outputs > 1
            && self.importance.len() == features
            && are_sound(&self.trees, &self.weights, features, outputs)
    }
}

fn are_sound(trees: &[Tree], weights: &[f64], features: usize, outputs: usize) -> bool {
    !trees.is_empty()
        && trees.len() == weights.len()
        && finite(weights)
        && weights.iter().all(|weight| *weight > 0.0)
        && trees.iter().all(|tree| tree.is_sound(features, outputs))
}

/// The weighted median of trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaBoostRegressor {
    trees: Vec<Tree>,
    weights: Vec<f64>,
    importance: Vec<f64>,
}

impl AdaBoostRegressor {
    pub(super) fn form(&self) -> Form {
        let trees = self.trees.iter().map(|tree| tree.form(|leaf| vec![(0, tree.leaf_values(leaf, 1)[0])]));
        Form::Median { trees: trees.collect(), weights: self.weights.clone() }
    }
}

impl Predictor for AdaBoostRegressor {
    fn scores(&self, x: &Matrix) -> Matrix {
        let half = self.weights.iter().sum::<f64>() / 2.0;
        by_row(x, 1, |row, score| {
            let mut told: Vec<(f64, f64)> =
                self.trees.iter().zip(&self.weights).map(|(tree, weight)| (tree.value(row, 1)[0], *weight)).collect();
            told.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut sum = 0.0;
            let median = told.iter().find(|(_, weight)| {
                sum += weight;
                sum >= half
            });
            score[0] = median.or(told.last()).map_or(0.0, |(value, _)| *value);
        })
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some(self.importance.clone())
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        outputs == 1 && self.importance.len() == features && are_sound(&self.trees, &self.weights, features, 1)
    }
}
