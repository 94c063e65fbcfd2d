//! Learners: one trait, one kind of answer.
//!
//! A [`Learner`] holds hyperparameters and makes a [`Model`] of [`Samples`]; a model is plain data that scores rows and goes to a file.
//! Which learners there are, and what their hyperparameters are called, says [`catalogue`].

mod adaboost;
mod bagging;
mod bayes;
mod boosting;
pub mod catalogue;
mod coordinate;
mod forest;
mod form;
mod lbfgs;
mod linear;
mod logistic;
mod model;
mod native;
mod neighbors;
mod ridge;
mod stacking;
mod svm;
mod tree;
mod voting;

pub use adaboost::{AdaBoost, AdaBoostClassifier, AdaBoostRegressor};
pub use bagging::{Bagging, BaggingModel};
pub use bayes::{GaussianBayes, NaiveBayes};
pub use boosting::{Boosted, GradientBoosting};
pub use catalogue::{Algorithm, learner};
pub use coordinate::ElasticNet;
pub use forest::{DecisionTree, Forest, MaxFeatures, RandomForest};
pub use form::{Form, FormNode, FormPair, Link};
pub use linear::Linear;
pub use logistic::{Logistic, LogisticRegression};
pub use model::{Model, Predictor};
pub use native::{LightGbm, XgBoost};
pub use neighbors::{Knn, Neighbors, Weighting};
pub use ridge::Ridge;
pub use stacking::{StackedModel, Stacking};
pub use svm::{Gamma, Kernel, KernelName, Svc, SvcModel, Svr, SvrModel};
pub use tree::Tree;
pub use voting::{Vote, Voting, VotingModel};

use serde::Serialize;
use thiserror::Error;
use vision::Cancel;

use crate::samples::{Samples, Task};

/// Hyperparameters that can be fitted.
pub trait Learner: Send + Sync {
    /// Learns from rows.
    ///
    /// # Errors
    /// When the rows do not suit, or nobody waits any more.
    fn fit(&self, samples: &Samples, run: &Run<'_>) -> Result<Fitted, LearnError>;
}

/// What a learner is given beside the rows.
#[derive(Clone)]
pub struct Run<'a> {
    /// Another seed, another model, where chance plays a part.
    pub seed: u64,
    /// Whether anybody still waits.
    pub cancel: &'a Cancel,
    /// Rows that are judged by after each step, for early stopping.
    pub validation: Option<&'a Samples>,
    /// Steps without progress on the validation rows after which learning ends.
    pub patience: Option<usize>,
    /// Told of each step.
    pub progress: &'a (dyn Fn(Step) + Sync),
}

impl<'a> Run<'a> {
    /// Learning to the end, with nobody watching.
    #[must_use]
    pub fn quiet(seed: u64, cancel: &'a Cancel) -> Self {
        Self { seed, cancel, validation: None, patience: None, progress: &|_| {} }
    }

    /// The same for one part of an ensemble: with a seed of its own, watched by nobody.
    #[must_use]
    pub fn part(&self, number: usize) -> Run<'a> {
        let seed = vision::Random::stream(self.seed, number as u64).next_u64();
        Run { seed, cancel: self.cancel, validation: None, patience: None, progress: &|_| {} }
    }

    pub(crate) fn check(&self) -> Result<(), LearnError> {
        if self.cancel.is_cancelled() { Err(LearnError::Cancelled) } else { Ok(()) }
    }
}

/// One step of learning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Steps so far.
    pub step: usize,
    /// Steps in all, unless it stops early.
    pub of: usize,
    /// Loss on the training rows, where the learner has one.
    pub train_loss: Option<f64>,
    /// Loss on the validation rows.
    pub validation_loss: Option<f64>,
}

/// What became of learning.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// What was learned.
    pub model: Model,
    /// Each step, where there are steps.
    pub history: Vec<Step>,
}

impl From<Model> for Fitted {
    fn from(model: Model) -> Self {
        Self { model, history: Vec::new() }
    }
}

/// Rows that nothing can be learned from, or hyperparameters that make no sense.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LearnError {
    /// Nobody waits any more.
    #[error("cancelled")]
    Cancelled,
    /// A learner of numbers was given classes, or the other way round.
    #[error("{algorithm} does not learn {task:?}")]
    WrongTask {
        /// The learner.
        algorithm: &'static str,
        /// What was to be learned.
        task: Task,
    },
    /// No rows or no features.
    #[error("{rows} rows of {features} features: there is nothing to learn from")]
    Nothing {
        /// Rows.
        rows: usize,
        /// Features.
        features: usize,
    },
    /// One class in the rows to learn from.
    #[error("the rows to learn from are all of one class")]
    OneClass,
    /// More rows than the learner can take in bounded time and memory.
    #[error(
        "{algorithm} learns from {limit} rows at most, and there are {rows}: take another algorithm, or a sample of the rows"
    )]
    TooManyRows {
        /// The learner.
        algorithm: &'static str,
        /// Rows.
        rows: usize,
        /// The limit.
        limit: usize,
    },
    /// A hyperparameter out of its range.
    #[error("{name} is {value}, but it must be {must}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        must: &'static str,
    },
    /// A hyperparameter that the algorithm does not have, or of another type.
    #[error("hyperparameters of {algorithm}: {source}")]
    Hyperparameters {
        /// The algorithm.
        algorithm: Algorithm,
        /// What is wrong.
        source: HyperparameterError,
    },
    /// The algorithm does not do this task.
    #[error("there is no {algorithm} for {task:?}")]
    NoSuchLearner {
        /// The algorithm.
        algorithm: Algorithm,
        /// The task.
        task: Task,
    },
    /// The shared library of an algorithm is not there.
    #[error("{algorithm} needs its shared library: {reason}")]
    NoLibrary {
        /// The algorithm.
        algorithm: Algorithm,
        /// What was tried, and what helps.
        reason: String,
    },
    /// The shared library of an algorithm refused.
    #[error("{algorithm} says: {message}")]
    Library {
        /// The algorithm.
        algorithm: Algorithm,
        /// In its words.
        message: String,
    },
    /// A system of equations without a solution.
    #[error("the features depend on each other so that there is no single solution: a larger alpha helps")]
    Singular,
}

/// What serde says of hyperparameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct HyperparameterError {
    message: Box<str>,
}

impl From<serde_json::Error> for HyperparameterError {
    fn from(error: serde_json::Error) -> Self {
        Self { message: error.to_string().into() }
    }
}

/// Refuses a hyperparameter that is not as it must be.
pub(crate) fn require(
    good: bool,
    name: &'static str,
    value: impl std::fmt::Display,
    must: &'static str,
) -> Result<(), LearnError> {
    if good { Ok(()) } else { Err(LearnError::Parameter { name, value: value.to_string(), must }) }
}

/// Refuses samples that nothing can be learned from.
pub(crate) fn check_samples(samples: &Samples) -> Result<(), LearnError> {
    let (rows, features) = (samples.x.rows(), samples.x.columns());
    if rows == 0 || features == 0 || rows != samples.y.len() {
        return Err(LearnError::Nothing { rows, features });
    }
    Ok(())
}

/// The classes of samples and how many there are; an error where these are numbers.
pub(crate) fn classes<'a>(samples: &'a Samples, algorithm: &'static str) -> Result<(&'a [usize], usize), LearnError> {
    check_samples(samples)?;
    let crate::Target::Classes { of, count } = &samples.y else {
        return Err(LearnError::WrongTask { algorithm, task: Task::Regression });
    };
    if of.iter().all(|class| *class == of[0]) {
        return Err(LearnError::OneClass);
    }
    Ok((of, *count))
}

/// The numbers of samples; an error where these are classes.
pub(crate) fn values<'a>(samples: &'a Samples, algorithm: &'static str) -> Result<&'a [f64], LearnError> {
    check_samples(samples)?;
    match &samples.y {
        crate::Target::Values(values) => Ok(values),
        crate::Target::Classes { .. } => Err(LearnError::WrongTask { algorithm, task: Task::Classification }),
    }
}

/// Logarithm of a sum of exponentials, without overflow.
pub(crate) fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// Numbers to probabilities, in place.
pub(crate) fn softmax(values: &mut [f64]) {
    let below = log_sum_exp(values);
    values.iter_mut().for_each(|value| *value = (*value - below).exp());
}

/// The place of the largest; of several the first.
pub(crate) fn argmax(values: &[f64]) -> usize {
    values.iter().enumerate().fold(0, |best, (at, value)| if *value > values[best] { at } else { best })
}
