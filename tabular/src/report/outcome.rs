//! What is known of a model, as it is read from JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The part of an outcome that is shown. What is not there is not shown; numbers that are not finite are `null` in JSON.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Metrics by name, and the confusion matrix.
    pub evaluation: BTreeMap<String, Value>,
    pub(super) curves: Option<Curves>,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) robustness: Vec<Disturbed>,
    pub(super) training_history: Vec<Step>,
    pub(super) training_summary: Option<Training>,
    pub(super) validation_summary: Option<Validation>,
    pub(super) latency: Option<Latency>,
    pub(super) comparison: Vec<Compared>,
    pub(super) trials: Vec<Trial>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Compared {
    pub(super) model: String,
    pub(super) mean_score: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Trial {
    pub(super) mean_score: Option<f64>,
}

pub(super) type Point = [Option<f64>; 2];

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Curves {
    Classes(Vec<ClassCurves>),
    Residuals(Vec<Point>),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct ClassCurves {
    pub(super) class: usize,
    pub(super) roc: Vec<Point>,
    pub(super) precision_recall: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Threshold {
    pub(super) threshold: f64,
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Thresholds {
    pub(super) best_f1: Threshold,
    pub(super) best_youden: Threshold,
    pub(super) steps: Vec<Threshold>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Disturbed {
    pub(super) disturbance: String,
    pub(super) level: f64,
    pub(super) score: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Step {
    pub(super) step: usize,
    pub(super) train_loss: Option<f64>,
    pub(super) validation_loss: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Training {
    pub(super) train_samples: usize,
    pub(super) validation_samples: usize,
    pub(super) test_samples: usize,
    pub(super) rows_without_target: usize,
    pub(super) features: Vec<String>,
    pub(super) feature_importance: Option<Vec<Option<f64>>>,
    pub(super) shap_importance: Option<Vec<Option<f64>>>,
    pub(super) left_out: Vec<String>,
    pub(super) classes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Validation {
    pub(super) rows: usize,
    pub(super) rows_without_target: usize,
    pub(super) learned_from_this: bool,
    pub(super) classes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Latency {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) rows_per_second: f64,
}

impl Outcome {
    /// Reads what a training or a validation left behind.
    ///
    /// # Errors
    /// When it is no JSON, or of another kind.
    pub fn of_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.evaluation.get(name).and_then(Value::as_f64)
    }

    /// The score that models are compared by: accuracy, or R2.
    pub(super) fn score(&self) -> Option<(&'static str, f64)> {
        let found = |name: &'static str, key| Some((name, self.number(key)?));
        found("accuracy", "accuracy").or_else(|| found("R2", "r2"))
    }

    /// The name of a class, or its number where names are not known.
    pub(super) fn class(&self, number: usize) -> String {
        let names = self.validation_summary.as_ref().and_then(|summary| summary.classes.as_ref());
        let names = names.or_else(|| self.training_summary.as_ref()?.classes.as_ref());
        names.and_then(|names| names.get(number).cloned()).unwrap_or_else(|| format!("class {number}"))
    }

    pub(super) fn confusion(&self) -> Option<Vec<Vec<u64>>> {
        let matrix: Vec<Vec<u64>> = serde_json::from_value(self.evaluation.get("confusion_matrix")?.clone()).ok()?;
        let square = !matrix.is_empty() && matrix.iter().all(|row| row.len() == matrix.len());
        square.then_some(matrix)
    }
}
