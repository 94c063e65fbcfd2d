//! What was learned, as plain data: it scores rows, and goes to a file and back.

use serde::{Deserialize, Serialize};

use super::{
    AdaBoostClassifier, AdaBoostRegressor, BaggingModel, Boosted, Forest, Form, GaussianBayes, Linear, Logistic,
    Neighbors, StackedModel, SvcModel, SvrModel, VotingModel, argmax,
};
use crate::matrix::Matrix;

/// What scores rows.
pub trait Predictor {
    /// For each row the probability of each class, or the number that is predicted.
    fn scores(&self, x: &Matrix) -> Matrix;

    /// The class of each row. Where a model decides in another way than by the largest probability, it says so here.
    fn classes(&self, x: &Matrix) -> Vec<usize> {
        let scores = self.scores(x);
        (0..x.rows()).map(|row| argmax(scores.row(row))).collect()
    }

    /// How much each feature tells, adding up to 1, where the model knows.
    fn importance(&self) -> Option<Vec<f64>> {
        None
    }

    /// Whether it scores rows of so many features by so many numbers without going astray: asked of models out of files.
    fn is_sound(&self, features: usize, outputs: usize) -> bool;
}

/// A model of any learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Model {
    /// A weighted sum.
    Linear(Linear),
    /// Weighted sums to probabilities.
    Logistic(Logistic),
    /// Normal distributions, feature by feature.
    Bayes(GaussianBayes),
    /// The training rows themselves.
    Neighbors(Neighbors),
    /// The mean of trees.
    Forest(Forest),
    /// The sum of trees.
    Boosted(Boosted),
    /// A weighted vote of trees.
    AdaBoostClassifier(AdaBoostClassifier),
    /// A weighted median of trees.
    AdaBoostRegressor(AdaBoostRegressor),
    /// Support vectors for classes.
    Svc(SvcModel),
    /// Support vectors for a number.
    Svr(SvrModel),
    /// A vote of different models.
    Voting(VotingModel),
    /// A model over models.
    Stacking(StackedModel),
    /// The mean of models of one kind.
    Bagging(BaggingModel),
}

impl Model {
    fn inner(&self) -> &dyn Predictor {
        match self {
            Self::Linear(model) => model,
            Self::Logistic(model) => model,
            Self::Bayes(model) => model,
            Self::Neighbors(model) => model,
            Self::Forest(model) => model,
            Self::Boosted(model) => model,
            Self::AdaBoostClassifier(model) => model,
            Self::AdaBoostRegressor(model) => model,
            Self::Svc(model) => model,
            Self::Svr(model) => model,
            Self::Voting(model) => model,
            Self::Stacking(model) => model,
            Self::Bagging(model) => model,
        }
    }
}

impl Model {
    /// The same as plain data.
    #[must_use]
    pub fn form(&self) -> Form {
        match self {
            Self::Linear(model) => model.form(),
            Self::Logistic(model) => model.form(),
            Self::Bayes(model) => model.form(),
            Self::Neighbors(model) => model.form(),
            Self::Forest(model) => model.form(),
            Self::Boosted(model) => model.form(),
            Self::AdaBoostClassifier(model) => model.form(),
            Self::AdaBoostRegressor(model) => model.form(),
            Self::Svc(model) => model.form(),
            Self::Svr(model) => model.form(),
            Self::Voting(model) => model.form(),
            Self::Stacking(model) => model.form(),
            Self::Bagging(model) => model.form(),
        }
    }
}

impl Predictor for Model {
    fn scores(&self, x: &Matrix) -> Matrix {
        self.inner().scores(x)
    }

    fn classes(&self, x: &Matrix) -> Vec<usize> {
        self.inner().classes(x)
    }

    fn importance(&self) -> Option<Vec<f64>> {
        self.inner().importance()
    }

    fn is_sound(&self, features: usize, outputs: usize) -> bool {
        self.inner().is_sound(features, outputs)
    }
}

/// Scores row by row.
pub(super) fn by_row(x: &Matrix, outputs: usize, score: impl Fn(&[f64], &mut [f64]) + Sync) -> Matrix {
    use rayon::prelude::*;
    /// Rows that are worth a thread.
    const ROWS: usize = 256;
    let mut scores = vec![0.0; x.rows() * outputs];
    scores.par_chunks_mut(outputs * ROWS).enumerate().for_each(|(chunk, scores)| {
        for (at, scores) in scores.chunks_mut(outputs).enumerate() {
            score(x.row(chunk * ROWS + at), scores);
        }
    });
    Matrix::new(scores, x.rows(), outputs)
}

/// Whether all are finite.
pub(super) fn finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}
