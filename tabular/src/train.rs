//! From a table to a judged model: target, split, features, scaling, selection, learning, evaluation.
//!
//! What is learned (fill values, scales, which features) is learned from the training rows alone.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Cancel;

use crate::explain::{contributions, work};
use crate::fold::{FoldError, FoldKind, folds};
use crate::learn::catalogue::{Hyperparameters, learner};
use crate::learn::{Algorithm, Fitted, LearnError, Model, Predictor, Run, Step};
use crate::matrix::Matrix;
use crate::metrics::{
    Classification, Curves, Regression, Thresholds, accuracy, classification, curves, regression, thresholds,
};
use crate::prepare::{Classes, Preparation, PrepareError, TargetError, class_target, value_target};
use crate::robust::{Disturbed, robustness};
use crate::samples::{Samples, Target, Task};
use crate::scale::{Scaler, ScalingMethod};
use crate::select::{SelectionOptions, select};
use crate::split::{SplitError, SplitMethod, SplitOptions, split};
use crate::table::Table;
use crate::trained::TrainedModel;

/// How a model is trained. Names and defaults are those of the HTTP interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainOptions {
    /// The column to be told.
    pub target_column: String,
    /// What is to be told.
    pub task_type: Task,
    /// How to learn.
    pub algorithm: Algorithm,
    /// Hyperparameters, called as in scikit-learn.
    #[serde(default)]
    pub hyperparameters: Hyperparameters,
    /// Fraction of rows for testing.
    #[serde(default = "defaults::test_size")]
    pub test_size: f64,
    /// Fraction of rows for validation.
    #[serde(default = "defaults::validation_size")]
    pub validation_size: f64,
    /// How features are scaled.
    #[serde(default)]
    pub scaling_method: ScalingMethod,
    /// Which features are kept; all by default.
    #[serde(default)]
    pub feature_selection: Option<SelectionOptions>,
    /// Whether learning ends when it makes no progress on the validation rows.
    #[serde(default)]
    pub early_stopping: bool,
    /// Steps without progress.
    #[serde(default = "defaults::patience")]
    pub early_stopping_patience: usize,
    /// How rows are divided; by class or range of the target by default.
    #[serde(default)]
    pub split: Option<SplitMethod>,
    /// Another seed, another split and model.
    #[serde(default = "defaults::seed")]
    pub seed: u64,
    /// Columns that nothing is learned of: identifiers, or what is not known yet when the model is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_columns: Vec<String>,
}

mod defaults {
    pub(super) fn test_size() -> f64 {
        0.2
    }
    pub(super) fn validation_size() -> f64 {
        0.1
    }
    pub(super) fn patience() -> usize {
        10
    }
    pub(super) fn seed() -> u64 {
        42
    }
}

impl TrainOptions {
    /// All defaults.
    #[must_use]
    pub fn new(target_column: &str, task_type: Task, algorithm: Algorithm) -> Self {
        Self {
            target_column: target_column.to_owned(),
            task_type,
            algorithm,
            hyperparameters: Hyperparameters::new(),
            test_size: defaults::test_size(),
            validation_size: defaults::validation_size(),
            scaling_method: ScalingMethod::Standard,
            feature_selection: None,
            early_stopping: false,
            early_stopping_patience: defaults::patience(),
            split: None,
            seed: defaults::seed(),
            exclude_columns: Vec::new(),
        }
    }
}

/// What became of a training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// The model, ready to predict.
    #[serde(skip)]
    pub model: TrainedModel,
    /// How good it is on the test rows.
    pub evaluation: Evaluation,
    /// The same on the validation rows, where there are some.
    pub validation: Option<Evaluation>,
    /// Curves on the test rows, to be drawn; none without such rows.
    pub curves: Option<Curves>,
    /// Of two classes: what each threshold of the second one's probability comes to on the test rows.
    pub thresholds: Option<Thresholds>,
    /// How good it is on test rows that are noisy or incomplete.
    pub robustness: Vec<Disturbed>,
    /// Each step of learning, where there are steps.
    pub training_history: Vec<Step>,
    /// What it was made of.
    pub training_summary: Summary,
}

/// Metrics of the task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evaluation {
    /// Of classes.
    Classification(Classification),
    /// Of numbers.
    Regression(Regression),
}

impl Evaluation {
    /// Metrics by the names of the HTTP interface, the one that models are compared by first; `None` where one is not defined.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, Option<f64>)> {
        match self {
            Self::Classification(metrics) => vec![
                ("accuracy", Some(metrics.accuracy)),
                ("precision", Some(metrics.precision)),
                ("recall", Some(metrics.recall)),
                ("f1", Some(metrics.f1)),
                ("roc_auc", metrics.roc_auc),
            ],
            Self::Regression(metrics) => vec![
                ("r2", Some(metrics.r2)),
                ("rmse", Some(metrics.rmse)),
                ("mae", Some(metrics.mae)),
                ("mape", Some(metrics.mape)),
                ("explained_variance", Some(metrics.explained_variance)),
            ],
        }
    }

    /// The one number by which models are compared: accuracy, or R2.
    #[must_use]
    pub fn score(&self) -> f64 {
        match self {
            Self::Classification(metrics) => metrics.accuracy,
            Self::Regression(metrics) => metrics.r2,
        }
    }
}

/// What a model was made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Rows learned from.
    pub train_samples: usize,
    /// Rows chosen by.
    pub validation_samples: usize,
    /// Rows judged by.
    pub test_samples: usize,
    /// Rows without a value in the target column, which were left out.
    pub rows_without_target: usize,
    /// Features that are used, best first where they were ranked.
    pub features: Vec<String>,
    /// How much each of them tells, where the model knows.
    pub feature_importance: Option<Vec<f64>>,
    /// Of sums of trees the mean absolute Shapley value of each of them, over test rows.
    pub shap_importance: Option<Vec<f64>>,
    /// Columns that tell nothing.
    pub left_out: Vec<String>,
    /// Names of the classes.
    pub classes: Option<Classes>,
}

/// A training that cannot be.
#[derive(Debug, Error)]
pub enum TrainError {
    /// Of the target column.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Of the split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// Of the folds.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// Of the columns.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Of the learner.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// The rows of a table that have a target, with the target apart.
struct Problem {
    features: Table,
    y: Target,
    classes: Option<Classes>,
    without_target: usize,
}

impl Problem {
    fn of(table: &Table, (target, task): (&str, Task), excluded: &[String]) -> Result<Self, TrainError> {
        let (classes, y, rows) = match task {
            Task::Classification => {
                let (classes, y, rows) = class_target(table, target)?;
                (Some(classes), y, rows)
            }
            Task::Regression => {
                let (y, rows) = value_target(table, target)?;
                (None, y, rows)
            }
        };
        let mut features = table.without(target).map_err(TargetError::Table)?.take(&rows);
        for column in excluded.iter().filter(|column| *column != target) {
            features = features.without(column).map_err(TargetError::Table)?;
        }
        Ok(Self { features, y, classes, without_target: table.rows() - rows.len() })
    }
}

/// The steps before a learner, learned from training rows.
struct Steps {
    preparation: Preparation,
    scaler: Scaler,
    selected: Vec<usize>,
}

impl Steps {
    fn learn(
        problem: &Problem,
        rows: &[usize],
        options: &TrainOptions,
        run: &Run<'_>,
    ) -> Result<(Self, Samples), TrainError> {
        let table = problem.features.take(rows);
        let preparation = Preparation::learn(&table)?;
        let mut x = preparation.apply(&table)?;
        let scaler = Scaler::learn(&x, options.scaling_method);
        scaler.apply(&mut x);
        let all = Samples { x, y: problem.y.take(rows) };
        let selected = match options.feature_selection {
            Some(selection) => select(&all, selection, run)?.selected,
            None => (0..all.x.columns()).collect(),
        };
        let samples = Samples { x: all.x.only(&selected), y: all.y };
        Ok((Self { preparation, scaler, selected }, samples))
    }

    /// What a missing value of each feature that is used becomes.
    fn fill(&self) -> Vec<f64> {
        filled(&self.preparation, &self.scaler, &self.selected)
    }

    fn samples(&self, problem: &Problem, rows: &[usize]) -> Result<Samples, PrepareError> {
        let mut x = self.preparation.apply(&problem.features.take(rows))?;
        self.scaler.apply(&mut x);
        Ok(Samples { x: x.only(&self.selected), y: problem.y.take(rows) })
    }
}

/// What a missing value of each feature that is used becomes.
pub(crate) fn filled(preparation: &Preparation, scaler: &Scaler, selected: &[usize]) -> Vec<f64> {
    let missing: Vec<f64> = preparation.features.iter().map(|feature| feature.missing).collect();
    let mut row = Matrix::new(missing, 1, preparation.features.len());
    scaler.apply(&mut row);
    row.only(selected).row(0).to_vec()
}

/// Trains and judges a model. `progress` is told of each step.
///
/// # Errors
/// When the table, the options or the hyperparameters do not fit, or nobody waits any more.
pub fn train(
    table: &Table,
    options: &TrainOptions,
    cancel: &Cancel,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Training, TrainError> {
    let learner = learner(options.algorithm, options.task_type, &options.hyperparameters)?;
    let problem = Problem::of(table, (&options.target_column, options.task_type), &options.exclude_columns)?;
    let parts = split(
        &with_target(table, &options.target_column, &problem),
        &SplitOptions {
            test_size: options.test_size,
            validation_size: options.validation_size,
            method: options.split.clone().unwrap_or(SplitMethod::Stratified { by: options.target_column.clone() }),
            seed: options.seed,
        },
    )?;
    let run = Run { progress, ..Run::quiet(options.seed, cancel) };
    let (steps, samples) = Steps::learn(&problem, &parts.train, options, &run)?;
    let validation = steps.samples(&problem, &parts.validation)?;
    let watched = options.early_stopping && validation.rows() > 0;
    let run = Run {
        validation: watched.then_some(&validation),
        patience: watched.then_some(options.early_stopping_patience.max(1)),
        ..run
    };
    let Fitted { model, history } = learner.fit(&samples, &run)?;
    let test = steps.samples(&problem, &parts.test)?;
    let names = steps.preparation.names();
    let training_summary = Summary {
        train_samples: samples.rows(),
        validation_samples: validation.rows(),
        test_samples: test.rows(),
        rows_without_target: problem.without_target,
        features: steps.selected.iter().map(|feature| names[*feature].clone()).collect(),
        feature_importance: model.importance(),
        shap_importance: shap_importance(&model, &test.x, &samples.x),
        left_out: steps.preparation.left_out.clone(),
        classes: problem.classes.clone(),
    };
    let judged = judged(&model, &test, &steps.fill(), options.seed);
    Ok(Training {
        evaluation: judged.evaluation,
        curves: judged.curves,
        thresholds: judged.thresholds,
        robustness: judged.robustness,
        validation: (validation.rows() > 0).then(|| evaluate(&model, &validation)),
        training_history: history,
        training_summary,
        model: TrainedModel {
            format: TrainedModel::FORMAT,
            task: options.task_type,
            algorithm: options.algorithm,
            hyperparameters: options.hyperparameters.clone(),
            target: options.target_column.clone(),
            data: table.sha256(),
            preparation: steps.preparation,
            scaler: steps.scaler,
            selected: steps.selected,
            classes: problem.classes,
            model,
        },
    })
}

/// Of as many test rows as take a moment.
fn shap_importance(model: &Model, test: &Matrix, learned_from: &Matrix) -> Option<Vec<f64>> {
    /// Steps of paths; a hundred million are about a second.
    const MAX_WORK: usize = 200_000_000;
    /// Rows, at most, of either side.
    const MAX_ROWS: usize = 1_000;
    let rows = MAX_WORK.checked_div(work(model))?.min(MAX_ROWS).min(test.rows());
    let first = |x: &Matrix, rows: usize| x.take(&(0..rows.min(x.rows())).collect::<Vec<_>>());
    (rows > 0).then_some(())?;
    Some(contributions(model, &first(test, rows), &first(learned_from, MAX_ROWS))?.importance())
}

/// The rows that have a target, with it: what is split.
fn with_target(table: &Table, target: &str, problem: &Problem) -> Table {
    if problem.without_target == 0 {
        return table.clone();
    }
    let rows: Vec<usize> = match table.column(target) {
        Ok(column) => (0..table.rows()).filter(|row| !column.is_missing(*row)).collect(),
        Err(_) => Vec::new(),
    };
    table.take(&rows)
}

/// What rows say of a model.
pub(crate) struct Judged {
    pub(crate) evaluation: Evaluation,
    pub(crate) curves: Option<Curves>,
    pub(crate) thresholds: Option<Thresholds>,
    pub(crate) robustness: Vec<Disturbed>,
}

/// Judges a model in every way. `fill` is what a missing value of each feature becomes.
pub(crate) fn judged(model: &Model, samples: &Samples, fill: &[f64], seed: u64) -> Judged {
    let scores = model.scores(&samples.x);
    let thresholds = match &samples.y {
        Target::Classes { of, .. } => thresholds(of, &scores),
        Target::Values(_) => None,
    };
    Judged {
        evaluation: evaluate(model, samples),
        curves: (samples.rows() > 0).then(|| curves(samples, &scores)),
        thresholds,
        robustness: robustness(model, samples, fill, seed),
    }
}

/// Judges a model by rows that it did not learn from.
#[must_use]
pub fn evaluate(model: &Model, samples: &Samples) -> Evaluation {
    let scores = model.scores(&samples.x);
    match &samples.y {
        Target::Classes { of, .. } => {
            Evaluation::Classification(classification(of, &model.classes(&samples.x), &scores))
        }
        Target::Values(values) => Evaluation::Regression(regression(values, scores.values())),
    }
}

/// Cross-validation: how many folds, of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossValidation {
    /// Folds.
    pub cv: usize,
    /// Of which kind.
    pub kind: FoldKind,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self { cv: 5, kind: FoldKind::Stratified }
    }
}

/// The score (accuracy, or R2) of each fold; all steps are learned anew in each. `after_fold` is told of each score and says whether to
/// go on.
///
/// # Errors
/// As [`train`], and when there are too few rows for the folds.
pub fn cross_validate(
    table: &Table,
    options: &TrainOptions,
    folding: CrossValidation,
    cancel: &Cancel,
    mut after_fold: impl FnMut(f64) -> bool,
) -> Result<Vec<f64>, TrainError> {
    let learner = learner(options.algorithm, options.task_type, &options.hyperparameters)?;
    let problem = Problem::of(table, (&options.target_column, options.task_type), &options.exclude_columns)?;
    let run = Run::quiet(options.seed, cancel);
    let mut scores = Vec::with_capacity(folding.cv);
    for fold in folds(&problem.y, folding.cv, folding.kind, options.seed)? {
        let (steps, samples) = Steps::learn(&problem, &fold.train, options, &run)?;
        let model = learner.fit(&samples, &run)?.model;
        let test = steps.samples(&problem, &fold.test)?;
        let score = match &test.y {
            Target::Classes { of, .. } => accuracy(of, &model.classes(&test.x)),
            Target::Values(values) => regression(values, model.scores(&test.x).values()).r2,
        };
        scores.push(score);
        if !after_fold(score) {
            break;
        }
    }
    Ok(scores)
}

/// One model of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The algorithm.
    pub model: Algorithm,
    /// Mean score over the folds: accuracy, or R2.
    pub mean_score: f64,
    /// Standard deviation of the folds' scores (of the population).
    pub std_score: f64,
}

/// Compares algorithms with their default hyperparameters by the same folds; best first.
///
/// # Errors
/// As [`cross_validate`].
pub fn compare(
    table: &Table,
    options: &TrainOptions,
    models: &[Algorithm],
    folding: CrossValidation,
    cancel: &Cancel,
) -> Result<Vec<Compared>, TrainError> {
    let mut comparison = Vec::with_capacity(models.len());
    for &model in models {
        let options = TrainOptions { algorithm: model, hyperparameters: Hyperparameters::new(), ..options.clone() };
        let scores = cross_validate(table, &options, folding, cancel, |_| true)?;
        let (mean_score, std_score) = (crate::stats::mean(&scores), crate::stats::variance(&scores, 0).sqrt());
        comparison.push(Compared { model, mean_score, std_score });
    }
    comparison.sort_by(|a, b| b.mean_score.total_cmp(&a.mean_score));
    Ok(comparison)
}

/// A feature and how much it tells.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedFeature {
    /// Its name.
    pub name: String,
    /// The column that it is made of.
    pub column: String,
    /// How much it tells, in the unit of the method.
    pub importance: f64,
}

/// The features of a table that tell most of its target, best first, with how much each does in the unit of the method. They are
/// standardised before; `seed` matters to a forest alone.
///
/// # Errors
/// When the table or the options do not fit.
pub fn rank_features(
    table: &Table,
    target: &str,
    task: Task,
    selection: SelectionOptions,
    (seed, cancel): (u64, &Cancel),
) -> Result<Vec<RankedFeature>, TrainError> {
    let problem = Problem::of(table, (target, task), &[])?;
    let preparation = Preparation::learn(&problem.features)?;
    let mut x = preparation.apply(&problem.features)?;
    Scaler::learn(&x, ScalingMethod::Standard).apply(&mut x);
    let samples = Samples { x, y: problem.y };
    let found = select(&samples, selection, &Run::quiet(seed, cancel))?;
    let ranked = |at: usize| {
        let feature = &preparation.features[at];
        RankedFeature { name: feature.name(), column: feature.column.clone(), importance: found.importance[at] }
    };
    Ok(found.selected.iter().map(|at| ranked(*at)).collect())
}
