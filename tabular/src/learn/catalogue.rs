//! Which learners there are, by the names that users give: an algorithm, a task, and hyperparameters as JSON.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    AdaBoost, Bagging, DecisionTree, ElasticNet, GradientBoosting, Knn, LearnError, Learner, LightGbm,
    LogisticRegression, NaiveBayes, RandomForest, Ridge, Stacking, Svc, Svr, Vote, Voting, XgBoost,
};
use crate::samples::Task;

/// Hyperparameters by name, called as in scikit-learn.
pub type Hyperparameters = Map<String, Value>;

/// Ensembles that hold ensembles, at most.
const MAX_DEPTH: usize = 3;
/// Members of an ensemble.
const MAX_MEMBERS: usize = 20;

macro_rules! algorithms {
    ($($variant:ident $name:literal $doc:literal,)*) => {
        /// An algorithm, by the name that users give it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Algorithm {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl Algorithm {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

algorithms! {
    RandomForest "random_forest" "Random forest.",
    GradientBoosting "gradient_boosting" "Gradient boosting of trees.",
    LightGbm "lightgbm" "LightGBM, by its own library.",
    XgBoost "xgboost" "XGBoost, by its own library.",
    AdaBoost "adaboost" "AdaBoost of small trees.",
    DecisionTree "decision_tree" "A single tree.",
    Logistic "logistic" "Logistic regression; classes alone.",
    Svm "svm" "Support vectors for classes.",
    Svr "svr" "Support vectors for numbers.",
    Knn "knn" "Nearest neighbours.",
    NaiveBayes "naive_bayes" "Naive Bayes with normal distributions; classes alone.",
    Ridge "ridge" "Ridge regression; numbers alone.",
    Lasso "lasso" "The lasso; numbers alone.",
    ElasticNet "elasticnet" "Elastic net; numbers alone.",
    Voting "voting" "A vote of several algorithms.",
    Stacking "stacking" "A meta model over several algorithms.",
    Bagging "bagging" "One algorithm on many draws of rows.",
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no algorithm has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no algorithm {0:?}; there are {all}", all = Algorithm::ALL.iter().map(|a| a.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownAlgorithm(String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|algorithm| algorithm.name() == name);
        found.copied().ok_or_else(|| UnknownAlgorithm(name.chars().take(60).collect()))
    }
}

impl Algorithm {
    /// Whether it does this task.
    #[must_use]
    pub fn does(self, task: Task) -> bool {
        match self {
            Self::Logistic | Self::NaiveBayes | Self::Svm => task == Task::Classification,
            Self::Ridge | Self::Lasso | Self::ElasticNet | Self::Svr => task == Task::Regression,
            _ => true,
        }
    }

    /// Whether it learns the same from features on other scales.
    #[must_use]
    pub fn ignores_scale(self) -> bool {
        matches!(
            self,
            Self::RandomForest
                | Self::GradientBoosting
                | Self::LightGbm
                | Self::XgBoost
                | Self::AdaBoost
                | Self::DecisionTree
                | Self::NaiveBayes
        )
    }

    /// Whether it can learn here: some need a library of their own, which is looked for now.
    #[must_use]
    pub fn is_there(self) -> bool {
        match self {
            Self::LightGbm => super::native::lightgbm_is_there(),
            Self::XgBoost => super::native::xgboost_is_there(),
            _ => true,
        }
    }
}

/// The learner of an algorithm with these hyperparameters; those not named are scikit-learn's defaults.
///
/// # Errors
/// When the algorithm does not do the task, or a hyperparameter is unknown or of another type. Ranges are checked when it learns.
pub fn learner(
    algorithm: Algorithm,
    task: Task,
    hyperparameters: &Hyperparameters,
) -> Result<Box<dyn Learner>, LearnError> {
    build(algorithm, task, hyperparameters.clone(), 0)
}

fn build(
    algorithm: Algorithm,
    task: Task,
    given: Hyperparameters,
    depth: usize,
) -> Result<Box<dyn Learner>, LearnError> {
    if !algorithm.does(task) {
        return Err(LearnError::NoSuchLearner { algorithm, task });
    }
    Ok(match algorithm {
        Algorithm::RandomForest => Box::new(read::<RandomForest>(algorithm, given)?),
        Algorithm::GradientBoosting => Box::new(read::<GradientBoosting>(algorithm, given)?),
        Algorithm::LightGbm => Box::new(read::<LightGbm>(algorithm, given)?),
        Algorithm::XgBoost => Box::new(read::<XgBoost>(algorithm, given)?),
        Algorithm::AdaBoost => Box::new(read::<AdaBoost>(algorithm, given)?),
        Algorithm::DecisionTree => Box::new(read::<DecisionTree>(algorithm, given)?),
        Algorithm::Logistic => Box::new(read::<LogisticRegression>(algorithm, given)?),
        Algorithm::Svm => Box::new(read::<Svc>(algorithm, given)?),
        Algorithm::Svr => Box::new(read::<Svr>(algorithm, given)?),
        Algorithm::Knn => Box::new(read::<Knn>(algorithm, given)?),
        Algorithm::NaiveBayes => Box::new(read::<NaiveBayes>(algorithm, given)?),
        Algorithm::Ridge => Box::new(read::<Ridge>(algorithm, given)?),
        Algorithm::ElasticNet => Box::new(read::<ElasticNet>(algorithm, given)?),
        Algorithm::Lasso => {
            let Lasso { alpha, max_iter, tol } = read(algorithm, given)?;
            Box::new(ElasticNet { alpha, l1_ratio: 1.0, max_iter, tol })
        }
        Algorithm::Voting | Algorithm::Stacking | Algorithm::Bagging => ensemble(algorithm, task, given, depth)?,
    })
}

fn read<T: DeserializeOwned>(algorithm: Algorithm, given: Hyperparameters) -> Result<T, LearnError> {
    let wrong = |error: serde_json::Error| LearnError::Hyperparameters { algorithm, source: error.into() };
    serde_json::from_value(Value::Object(given)).map_err(wrong)
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lasso {
    alpha: f64,
    max_iter: usize,
    tol: f64,
}

impl Default for Lasso {
    fn default() -> Self {
        let ElasticNet { alpha, max_iter, tol, .. } = ElasticNet::default();
        Self { alpha, max_iter, tol }
    }
}

/// One member of an ensemble: a name, or a name with hyperparameters.
#[derive(Deserialize)]
#[serde(untagged)]
enum Member {
    Name(Algorithm),
    Full {
        algorithm: Algorithm,
        #[serde(default)]
        hyperparameters: Hyperparameters,
    },
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ensemble {
    models: Vec<Member>,
    vote: Vote,
    meta_model: Option<Member>,
    cv: usize,
    n_estimators: usize,
    max_samples: f64,
}

impl Default for Ensemble {
    fn default() -> Self {
        Self { models: Vec::new(), vote: Vote::Soft, meta_model: None, cv: 5, n_estimators: 10, max_samples: 1.0 }
    }
}

fn ensemble(
    algorithm: Algorithm,
    task: Task,
    given: Hyperparameters,
    depth: usize,
) -> Result<Box<dyn Learner>, LearnError> {
    super::require(depth < MAX_DEPTH, "depth of ensembles", depth + 1, "at most 3")?;
    let Ensemble { models, vote, meta_model, cv, n_estimators, max_samples } = read(algorithm, given)?;
    super::require(models.len() <= MAX_MEMBERS, "number of models", models.len(), "at most 20")?;
    let one = |member: Member| {
        let (algorithm, hyperparameters) = match member {
            Member::Name(algorithm) => (algorithm, Hyperparameters::new()),
            Member::Full { algorithm, hyperparameters } => (algorithm, hyperparameters),
        };
        build(algorithm, task, hyperparameters, depth + 1)
    };
    let (linear, tree) = match task {
        Task::Classification => (Algorithm::Logistic, Algorithm::DecisionTree),
        Task::Regression => (Algorithm::Ridge, Algorithm::DecisionTree),
    };
    let models = if models.is_empty() && algorithm == Algorithm::Bagging {
        vec![Member::Name(tree)]
    } else if models.is_empty() {
        [linear, Algorithm::RandomForest, Algorithm::GradientBoosting].map(Member::Name).into()
    } else {
        models
    };
    let mut members = models.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(match algorithm {
        Algorithm::Voting => Box::new(Voting { members, vote }),
        Algorithm::Stacking => {
            let meta = one(meta_model.unwrap_or(Member::Name(linear)))?;
            Box::new(Stacking { members, meta, folds: cv })
        }
        _ => {
            super::require(members.len() == 1, "number of models", members.len(), "1 for bagging")?;
            Box::new(Bagging { base: members.swap_remove(0), n_estimators, max_samples })
        }
    })
}
