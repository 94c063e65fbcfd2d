//! What all commands that learn are told.

use clap::Args;
use serde_json::Value;
use tabular::{Algorithm, ScalingMethod, SelectionMethod, SelectionOptions, Task, TrainOptions};

use super::input::{named, setting};

/// What to learn, and from what.
#[derive(Args)]
pub(super) struct Learning {
    /// The column to be told
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// classification or regression
    #[arg(long, value_name = "TASK", value_parser = named::<Task>)]
    pub(super) task: Task,
    /// How features are scaled: standard, minmax, robust or none
    #[arg(long, value_name = "METHOD", default_value = "standard", value_parser = named::<ScalingMethod>)]
    scaling: ScalingMethod,
    /// Keep the features that tell most: by correlation, mutual_info, rfe, tree_importance or statistical
    #[arg(long, value_name = "METHOD", requires = "n_features", value_parser = named::<SelectionMethod>)]
    select: Option<SelectionMethod>,
    /// How many features are kept
    #[arg(long, value_name = "N", requires = "select")]
    n_features: Option<usize>,
    /// Columns that nothing is learned of: identifiers, or what is not known yet when the model is asked
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Another seed, another model
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

impl Learning {
    pub(super) fn options(&self, algorithm: Algorithm, set: &[(String, Value)]) -> TrainOptions {
        let selection = self.select.zip(self.n_features);
        TrainOptions {
            hyperparameters: set.iter().cloned().collect(),
            scaling_method: self.scaling,
            feature_selection: selection.map(|(method, n_features)| SelectionOptions { method, n_features }),
            seed: self.seed,
            exclude_columns: self.exclude.clone(),
            ..TrainOptions::new(&self.target, self.task, algorithm)
        }
    }
}

/// One algorithm with hyperparameters.
#[derive(Args)]
pub(super) struct Chosen {
    /// random_forest, gradient_boosting, lightgbm, xgboost, adaboost, decision_tree, logistic, svm, svr, knn,
    /// naive_bayes, ridge, lasso, elasticnet, voting, stacking or bagging
    #[arg(long, value_name = "NAME")]
    pub(super) algorithm: Algorithm,
    /// A hyperparameter, called as in scikit-learn; values are JSON or a word
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub(super) set: Vec<(String, Value)>,
}
