//! What is wanted, as it stands in the queue.

use serde::{Deserialize, Serialize};
use tabular::forecast::{COLUMNS, ForecastOptions};
use tabular::learn::catalogue::Hyperparameters;
use tabular::search::SearchOptions;
use tabular::train::CrossValidation;
use tabular::{Algorithm, Task, TrainOptions, learner};

use crate::data_sets::Schema;
use crate::error::PlatformError;

/// Kind of a job that foretells.
pub(crate) const FORECAST: &str = "forecast";
/// Most trials of a search.
const MAX_TRIALS: usize = 1_000;
/// Most folds.
const MAX_FOLDS: usize = 50;
/// Most algorithms that are compared.
const MAX_MODELS: usize = 30;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobRequest {
    /// A model.
    Train(TrainOptions),
    /// The best hyperparameters, and a model with them.
    Tune(TuneRequest),
    /// Which algorithm is best.
    Compare(CompareRequest),
    /// What stands on each shelf at the next visit.
    Forecast(ForecastOptions),
}

/// A search for hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneRequest {
    /// What is learned; its hyperparameters hold where they are not searched for.
    pub options: TrainOptions,
    /// How it is searched.
    pub search: SearchOptions,
}

/// A comparison of algorithms by the same folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompareRequest {
    /// The column that is to be told.
    pub target_column: String,
    /// Classes or numbers.
    pub task_type: Task,
    /// The algorithms.
    pub models: Vec<Algorithm>,
    /// The folds.
    pub folding: CrossValidation,
}

impl JobRequest {
    /// As it is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Train(_) => "train",
            Self::Tune(_) => "tune",
            Self::Compare(_) => "compare",
            Self::Forecast(_) => FORECAST,
        }
    }

    /// Larger ones come first: a request waits for a comparison.
    pub(super) fn priority(&self) -> i64 {
        match self {
            Self::Train(_) | Self::Tune(_) | Self::Forecast(_) => 0,
            Self::Compare(_) => 10,
        }
    }

    /// Refuses at once what would fail later: unknown columns, algorithms that do not do the task, hyperparameters that there are not.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), PlatformError> {
        match self {
            Self::Train(options) => check_training(options, schema),
            Self::Tune(TuneRequest { options, search }) => {
                check_training(options, schema)?;
                check_folds(search.folding)?;
                within("n_trials", search.n_trials, 1, MAX_TRIALS)
            }
            Self::Compare(CompareRequest { target_column, task_type, models, folding }) => {
                check_column(target_column, schema)?;
                check_folds(*folding)?;
                within("number of models", models.len(), 1, MAX_MODELS)?;
                models.iter().try_for_each(|model| check_learner(*model, *task_type, &Hyperparameters::new()))
            }
            Self::Forecast(options) => {
                options.check()?;
                COLUMNS.iter().try_for_each(|name| check_column(name, schema))
            }
        }
    }
}

fn check_training(options: &TrainOptions, schema: &Schema) -> Result<(), PlatformError> {
    check_column(&options.target_column, schema)?;
    check_learner(options.algorithm, options.task_type, &options.hyperparameters)
}

fn check_learner(algorithm: Algorithm, task: Task, given: &Hyperparameters) -> Result<(), PlatformError> {
    learner(algorithm, task, given).map(drop).map_err(|error| PlatformError::Train(error.into()))
}

fn check_column(name: &str, schema: &Schema) -> Result<(), PlatformError> {
    if schema.columns.iter().any(|column| column.name == name) {
        return Ok(());
    }
    let there: Vec<_> = schema.columns.iter().take(12).map(|column| format!("{:?}", column.name)).collect();
    let error =
        tabular::table::TableError::NoColumn { name: name.chars().take(120).collect(), there: there.join(", ") };
    Err(error.into())
}

fn check_folds(folding: CrossValidation) -> Result<(), PlatformError> {
    within("cv", folding.cv, 2, MAX_FOLDS)
}

fn within(name: &'static str, value: usize, low: usize, high: usize) -> Result<(), PlatformError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(PlatformError::Parameter { name, value: value.to_string(), allowed: format!("{low} to {high}") })
}
