//! The learning of a job: on a thread that may be kept busy.

use serde::Serialize;
use serde_json::Value;
use tabular::forecast::{Forecast, forecast};
use tabular::search::{Tuned, Tuning, tune_from};
use tabular::table::TableError;
use tabular::train::{Compared, Training, compare, train};
use tabular::{Algorithm, SplitMethod, SplitOptions, Table, TrainOptions, split};
use vision::Cancel;

use super::{CompareRequest, JobRequest, Journal, TuneRequest};
use crate::error::PlatformError;

/// What was learned.
pub(super) enum Learned {
    /// A judged model; `found` says how its hyperparameters were found.
    Model { training: Box<Training>, found: Option<Box<Tuning>> },
    /// How algorithms compare.
    Comparison(Vec<Compared>),
    /// What stands on each shelf at the next visit.
    Forecast(Box<Forecast>),
}

/// What a job leaves behind, with the names of the HTTP interface.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Outcome<'a> {
    Model {
        #[serde(flatten)]
        training: &'a Training,
        #[serde(flatten)]
        found: Option<&'a Tuning>,
    },
    Comparison {
        comparison: &'a [Compared],
    },
    Forecast {
        forecast: &'a Forecast,
    },
}

impl Learned {
    pub(super) fn outcome(&self) -> Result<String, PlatformError> {
        let outcome = match self {
            Self::Model { training, found } => Outcome::Model { training, found: found.as_deref() },
            Self::Comparison(comparison) => Outcome::Comparison { comparison },
            Self::Forecast(forecast) => Outcome::Forecast { forecast },
        };
        serde_json::to_string(&outcome).map_err(|_| PlatformError::Inside)
    }
}

/// Does what is wanted with a table. `checkpoint` is what the one before had got to.
pub(super) fn learn(
    table: &Table,
    request: &JobRequest,
    checkpoint: Option<&str>,
    journal: &Journal,
    cancel: &Cancel,
) -> Result<Learned, PlatformError> {
    match request {
        JobRequest::Train(options) => {
            let training = training(table, options, journal, cancel)?;
            Ok(Learned::Model { training: Box::new(training), found: None })
        }
        JobRequest::Tune(wanted) => tuning(table, wanted, checkpoint, journal, cancel),
        JobRequest::Compare(wanted) => comparison(table, wanted, journal, cancel),
        JobRequest::Forecast(options) => {
            let told = forecast(table, options, cancel, &|line| journal.line(line))?;
            Ok(Learned::Forecast(Box::new(told)))
        }
    }
}

fn training(
    table: &Table,
    options: &TrainOptions,
    journal: &Journal,
    cancel: &Cancel,
) -> Result<Training, PlatformError> {
    journal.line(&format!("training {}", options.algorithm));
    let training = train(table, options, cancel, &|step| journal.step(step))?;
    let summary = &training.training_summary;
    journal.line(&format!(
        "learned from {} rows and {} features; judged by {} rows: {:.4}",
        summary.train_samples,
        summary.features.len(),
        summary.test_samples,
        training.evaluation.score()
    ));
    Ok(training)
}

/// Searches on all rows but those that the model is judged by afterwards.
fn tuning(
    table: &Table,
    wanted: &TuneRequest,
    checkpoint: Option<&str>,
    journal: &Journal,
    cancel: &Cancel,
) -> Result<Learned, PlatformError> {
    let TuneRequest { options, search } = wanted;
    let table = with_target(table, &options.target_column)?;
    let method = options.split.clone().unwrap_or(SplitMethod::Stratified { by: options.target_column.clone() });
    let (test_size, validation_size, seed) = (options.test_size, options.validation_size, options.seed);
    // As training divides them.
    let parts = split(&table, &SplitOptions { test_size, validation_size, method, seed })?;
    let mut rows = [parts.train, parts.validation].concat();
    rows.sort_unstable();
    let known: Vec<Tuned> = checkpoint.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if !known.is_empty() {
        journal.line(&format!("going on after {} trials", known.len()));
    }
    let mut trials: Vec<Tuned> = Vec::new();
    let found = tune_from(&table.take(&rows), options, search, &known, cancel, |trial| {
        trials.push(trial.clone());
        if trials.len() <= known.len() {
            return;
        }
        journal.line(&line(trials.len(), trial));
        if let Ok(text) = serde_json::to_string(&trials) {
            journal.checkpoint(text);
        }
    })?;
    let best = TrainOptions { hyperparameters: found.best.hyperparameters.clone(), ..options.clone() };
    let training = training(&table, &best, journal, cancel)?;
    Ok(Learned::Model { training: Box::new(training), found: Some(Box::new(found)) })
}

fn comparison(
    table: &Table,
    wanted: &CompareRequest,
    journal: &Journal,
    cancel: &Cancel,
) -> Result<Learned, PlatformError> {
    let CompareRequest { target_column, task_type, models, folding } = wanted;
    let mut compared = Vec::with_capacity(models.len());
    for model in models {
        let options = TrainOptions::new(target_column, *task_type, *model);
        let one: &[Algorithm] = std::slice::from_ref(model);
        for scores in compare(table, &options, one, *folding, cancel)? {
            journal.line(&format!("{model}: {:.4} ± {:.4}", scores.mean_score, scores.std_score));
            compared.push(scores);
        }
    }
    compared.sort_by(|a, b| b.mean_score.total_cmp(&a.mean_score));
    Ok(Learned::Comparison(compared))
}

fn line(number: usize, trial: &Tuned) -> String {
    let hyperparameters = Value::Object(trial.hyperparameters.clone());
    match (&trial.error, trial.mean_score) {
        (Some(error), _) => format!("trial {number}: {error} {hyperparameters}"),
        (None, Some(score)) => format!("trial {number}: {score:.4} after {} folds {hyperparameters}", trial.folds),
        (None, None) => format!("trial {number}: no score {hyperparameters}"),
    }
}

/// The rows that have a target.
fn with_target(table: &Table, target: &str) -> Result<Table, TableError> {
    let column = table.column(target)?;
    if column.missing() == 0 {
        return Ok(table.clone());
    }
    let rows: Vec<usize> = (0..table.rows()).filter(|row| !column.is_missing(*row)).collect();
    Ok(table.take(&rows))
}
