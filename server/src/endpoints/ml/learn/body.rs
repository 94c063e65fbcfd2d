//! What all that learn are told.

use serde::Deserialize;
use serde_json::{Map, Value};
use tabular::{Algorithm, ScalingMethod, SelectionOptions, Task, TrainOptions};
use utoipa::ToSchema;

/// What is learned, from what, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainBody {
    /// Id of the data set.
    pub(super) dataset_id: String,
    /// The column that is to be told.
    #[schema(example = "species")]
    target_column: String,
    /// classification or regression.
    #[schema(value_type = String, example = "classification")]
    task_type: Task,
    /// random_forest, gradient_boosting, lightgbm, xgboost, adaboost, decision_tree, knn, voting, stacking, bagging; of classes logistic, svm,
    /// naive_bayes; of numbers svr, ridge, lasso, elasticnet.
    #[schema(value_type = String, example = "random_forest")]
    algorithm: Algorithm,
    /// Hyperparameters, called as in scikit-learn.
    #[serde(default)]
    #[schema(value_type = Object)]
    hyperparameters: Map<String, Value>,
    /// Fraction of rows for testing.
    #[schema(default = 0.2)]
    test_size: Option<f64>,
    /// Fraction of rows for validation.
    #[schema(default = 0.1)]
    validation_size: Option<f64>,
    /// standard, minmax, robust or none.
    #[schema(value_type = Option<String>, example = "standard")]
    scaling_method: Option<ScalingMethod>,
    /// `method` (correlation, mutual_info, rfe, tree_importance, statistical) and `n_features`; all features when left out.
    #[schema(value_type = Option<Object>)]
    feature_selection: Option<SelectionOptions>,
    /// Whether learning ends when it makes no progress on the validation rows.
    #[schema(default = false)]
    early_stopping: Option<bool>,
    /// Steps without progress.
    #[schema(default = 10)]
    early_stopping_patience: Option<usize>,
    /// Another seed, another split and model.
    #[schema(default = 42)]
    seed: Option<u64>,
    /// Columns that nothing is learned of.
    #[serde(default)]
    exclude_columns: Vec<String>,
}

impl TrainBody {
    /// The data set, and what is to be done with it.
    pub(super) fn options(self) -> (String, TrainOptions) {
        let defaults = TrainOptions::new(&self.target_column, self.task_type, self.algorithm);
        let options = TrainOptions {
            hyperparameters: self.hyperparameters,
            test_size: self.test_size.unwrap_or(defaults.test_size),
            validation_size: self.validation_size.unwrap_or(defaults.validation_size),
            scaling_method: self.scaling_method.unwrap_or(defaults.scaling_method),
            feature_selection: self.feature_selection,
            early_stopping: self.early_stopping.unwrap_or(defaults.early_stopping),
            early_stopping_patience: self.early_stopping_patience.unwrap_or(defaults.early_stopping_patience),
            seed: self.seed.unwrap_or(defaults.seed),
            exclude_columns: self.exclude_columns,
            ..defaults
        };
        (self.dataset_id, options)
    }
}
