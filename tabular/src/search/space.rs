//! What may be tried: a range for each hyperparameter.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use vision::Random;

use crate::learn::Algorithm;
use crate::learn::catalogue::Hyperparameters;

/// Values of one hyperparameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Range {
    /// Numbers between two, both included; by their logarithm where they span magnitudes.
    Float {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
        /// By logarithm.
        #[serde(default)]
        log: bool,
    },
    /// Whole numbers between two, both included.
    Int {
        /// The smallest.
        low: i64,
        /// The largest.
        high: i64,
        /// By logarithm.
        #[serde(default)]
        log: bool,
    },
    /// One of these.
    Choice(Vec<Value>),
}

/// A point of a range: where it lies between 0 and 1, or the place of a choice.
pub type Point = Vec<f64>;

impl Range {
    /// How many choices; `None` of numbers.
    #[must_use]
    pub fn choices(&self) -> Option<usize> {
        match self {
            Self::Choice(values) => Some(values.len()),
            _ => None,
        }
    }

    /// Whether there is anything to try in it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Float { low, high, log } => {
                low.is_finite() && high.is_finite() && low <= high && (!log || *low > 0.0)
            }
            Self::Int { low, high, log } => low <= high && (!log || *low > 0),
            Self::Choice(values) => !values.is_empty(),
        }
    }

    /// The value at a point.
    #[must_use]
    pub fn value(&self, at: f64) -> Value {
        let between = |low: f64, high: f64, log: bool| {
            if log { (low.ln() + at * (high.ln() - low.ln())).exp() } else { low + at * (high - low) }
        };
        match self {
            Self::Float { low, high, log } => {
                Number::from_f64(between(*low, *high, *log).clamp(*low, *high)).map_or(Value::Null, Value::Number)
            }
            Self::Int { low, high, log } => {
                // Every whole number has a range of its own, those at the ends, too.
                let value = between(*low as f64 - 0.5 + 1e-9, *high as f64 + 0.5 - 1e-9, *log).round();
                Value::from((value as i64).clamp(*low, *high))
            }
            Self::Choice(values) => values[(at as usize).min(values.len() - 1)].clone(),
        }
    }

    /// A point by chance.
    pub fn draw(&self, random: &mut Random) -> f64 {
        match self.choices() {
            Some(choices) => random.below(choices) as f64,
            None => random.unit(),
        }
    }

    /// Points evenly over the range, `count` at most.
    #[must_use]
    pub fn grid(&self, count: usize) -> Vec<f64> {
        match self {
            Self::Choice(values) => (0..values.len()).map(|at| at as f64).collect(),
            Self::Int { low, high, .. } if ((high - low) as usize) < count => {
                let values = high - low + 1;
                (0..values).map(|at| (at as f64 + 0.5) / values as f64).collect()
            }
            _ if count < 2 => vec![0.5],
            _ => (0..count).map(|at| at as f64 / (count - 1) as f64).collect(),
        }
    }
}

/// Ranges by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Space(pub std::collections::BTreeMap<String, Range>);

impl Space {
    /// What is worth trying of an algorithm.
    #[must_use]
    pub fn of(algorithm: Algorithm) -> Self {
        let float = |low, high| Range::Float { low, high, log: false };
        let log = |low, high| Range::Float { low, high, log: true };
        let int = |low, high| Range::Int { low, high, log: false };
        let words = |words: &[&str]| Range::Choice(words.iter().map(|word| Value::from(*word)).collect());
        let ranges: Vec<(&str, Range)> = match algorithm {
            Algorithm::RandomForest => vec![
                ("n_estimators", int(50, 300)),
                ("max_depth", int(3, 20)),
                ("min_samples_leaf", int(1, 10)),
                ("max_features", float(0.1, 1.0)),
            ],
            Algorithm::GradientBoosting => vec![
                ("n_estimators", int(50, 300)),
                ("learning_rate", log(0.01, 0.3)),
                ("max_depth", int(2, 6)),
                ("subsample", float(0.5, 1.0)),
            ],
            Algorithm::LightGbm => vec![
                ("n_estimators", int(50, 300)),
                ("learning_rate", log(0.01, 0.3)),
                ("num_leaves", int(7, 63)),
                ("min_child_samples", int(5, 50)),
                ("reg_lambda", log(1e-3, 10.0)),
            ],
            Algorithm::XgBoost => vec![
                ("n_estimators", int(50, 300)),
                ("learning_rate", log(0.01, 0.5)),
                ("max_depth", int(2, 8)),
                ("subsample", float(0.5, 1.0)),
                ("reg_lambda", log(1e-2, 10.0)),
            ],
            Algorithm::AdaBoost => {
                vec![("n_estimators", int(25, 200)), ("learning_rate", log(0.05, 2.0)), ("max_depth", int(1, 4))]
            }
            Algorithm::DecisionTree => {
                vec![("max_depth", int(2, 20)), ("min_samples_split", int(2, 20)), ("min_samples_leaf", int(1, 20))]
            }
            Algorithm::Logistic => vec![("C", log(1e-3, 1e3))],
            Algorithm::Svm => {
                vec![("C", log(1e-2, 1e3)), ("gamma", log(1e-4, 1e1)), ("kernel", words(&["rbf", "linear"]))]
            }
            Algorithm::Svr => vec![("C", log(1e-2, 1e3)), ("gamma", log(1e-4, 1e1)), ("epsilon", log(1e-3, 1.0))],
            Algorithm::Knn => vec![("n_neighbors", int(1, 30)), ("weights", words(&["uniform", "distance"]))],
            Algorithm::NaiveBayes => vec![("var_smoothing", log(1e-12, 1e-1))],
            Algorithm::Ridge | Algorithm::Lasso => vec![("alpha", log(1e-4, 1e3))],
            Algorithm::ElasticNet => vec![("alpha", log(1e-4, 1e2)), ("l1_ratio", float(0.0, 1.0))],
            Algorithm::Voting => vec![("vote", words(&["soft", "hard"]))],
            Algorithm::Stacking => vec![("cv", int(3, 10))],
            Algorithm::Bagging => vec![("n_estimators", int(5, 50)), ("max_samples", float(0.3, 1.0))],
        };
        Self(ranges.into_iter().map(|(name, range)| (name.to_owned(), range)).collect())
    }

    /// The hyperparameters at a point, over those that are fixed.
    #[must_use]
    pub fn at(&self, point: &[f64], fixed: &Hyperparameters) -> Hyperparameters {
        let mut all = fixed.clone();
        all.extend(self.0.iter().zip(point).map(|((name, range), at)| (name.clone(), range.value(*at))));
        all
    }

    pub(super) fn ranges(&self) -> Vec<&Range> {
        self.0.values().collect()
    }
}
