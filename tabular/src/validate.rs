//! A trained model judged by a table that it has never seen.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use thiserror::Error;

use crate::learn::Predictor;
use crate::metrics::{Curves, Thresholds};
use crate::prepare::{Classes, PrepareError, TargetError, value_target};
use crate::robust::Disturbed;
use crate::samples::{Samples, Target};
use crate::stats::{ascending, quantile};
use crate::table::Table;
use crate::train::{Evaluation, filled, judged};
use crate::trained::TrainedModel;

/// Rows that are told one by one to measure the time they take.
const TIMED_ROWS: usize = 1_000;

/// What a table says of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// Metrics of the task.
    pub evaluation: Evaluation,
    /// Curves, to be drawn.
    pub curves: Option<Curves>,
    /// Of two classes: what each threshold of the second one's probability comes to.
    pub thresholds: Option<Thresholds>,
    /// How good it is on rows that are noisy or incomplete.
    pub robustness: Vec<Disturbed>,
    /// How long a row takes.
    pub latency: Latency,
    /// What it was judged by.
    pub validation_summary: Summary,
}

/// How long one row takes, from its columns to the answer; microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Of half of the rows at most this.
    pub p50_us: f64,
    /// Of 99 of 100.
    pub p99_us: f64,
    /// Rows a second when all are told at once.
    pub rows_per_second: f64,
}

/// What a model was judged by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Rows with a target.
    pub rows: usize,
    /// Rows without, which were left out.
    pub rows_without_target: usize,
    /// Whether this is the very table that the model learned from.
    pub learned_from_this: bool,
    /// Names of the classes.
    pub classes: Option<Classes>,
}

/// A table that a model cannot be judged by.
#[derive(Debug, Error)]
pub enum ValidateError {
    /// Of the target column.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Of the other columns.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Rows of a class that the model has never seen.
    #[error("{rows} rows are of class {class:?}, which the model does not know; it knows {known}")]
    UnknownClass {
        /// The class.
        class: String,
        /// Its rows.
        rows: usize,
        /// What it knows.
        known: String,
    },
}

/// Judges a model by the rows of a table that have a target.
///
/// # Errors
/// When a column is missing or of another type, or rows are of a class that the model does not know.
pub fn validate(model: &TrainedModel, table: &Table, seed: u64) -> Result<Validation, ValidateError> {
    let (y, rows) = match &model.classes {
        None => value_target(table, &model.target)?,
        Some(classes) => known_classes(table, &model.target, classes)?,
    };
    let known = table.take(&rows);
    let samples = Samples { x: model.features(&known)?, y };
    let fill = filled(&model.preparation, &model.scaler, &model.selected);
    let judged = judged(&model.model, &samples, &fill, seed);
    Ok(Validation {
        evaluation: judged.evaluation,
        curves: judged.curves,
        thresholds: judged.thresholds,
        robustness: judged.robustness,
        latency: latency(model, &known, &samples)?,
        validation_summary: Summary {
            rows: rows.len(),
            rows_without_target: table.rows() - rows.len(),
            learned_from_this: table.sha256() == model.data,
            classes: model.classes.clone(),
        },
    })
}

/// The classes of rows by their numbers in the model.
fn known_classes(table: &Table, name: &str, classes: &Classes) -> Result<(Target, Vec<usize>), ValidateError> {
    let column = table.column(name).map_err(TargetError::Table)?;
    let number: BTreeMap<&str, usize> = classes.0.iter().enumerate().map(|(at, class)| (class.as_str(), at)).collect();
    let (mut of, mut rows, mut foreign) = (Vec::new(), Vec::new(), BTreeMap::<String, usize>::new());
    for row in (0..table.rows()).filter(|row| !column.is_missing(*row)) {
        let class = column.show(row);
        match number.get(class.as_str()) {
            Some(class) => {
                of.push(*class);
                rows.push(row);
            }
            None => *foreign.entry(class).or_default() += 1,
        }
    }
    if let Some((class, rows)) = foreign.into_iter().max_by_key(|(_, rows)| *rows) {
        return Err(ValidateError::UnknownClass { class, rows, known: classes.0.join(", ") });
    }
    if rows.is_empty() {
        return Err(TargetError::NoValues { column: name.to_owned() }.into());
    }
    Ok((Target::Classes { of, count: classes.0.len() }, rows))
}

fn latency(model: &TrainedModel, table: &Table, samples: &Samples) -> Result<Latency, PrepareError> {
    let mut times = Vec::with_capacity(TIMED_ROWS);
    for row in 0..table.rows().min(TIMED_ROWS) {
        let one = table.take(&[row]);
        let start = Instant::now();
        std::hint::black_box(model.predict(&one)?);
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let times = ascending(times);
    let start = Instant::now();
    std::hint::black_box(model.model.scores(&samples.x));
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    Ok(Latency {
        p50_us: quantile(&times, 0.5),
        p99_us: quantile(&times, 0.99),
        rows_per_second: samples.rows() as f64 / seconds,
    })
}
