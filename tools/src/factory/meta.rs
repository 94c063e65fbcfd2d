//! `meta.json`: what a device must know beside the file of the model. Field names are what users' programs read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tabular::Scaler;
use tabular::metrics::Classification;
use vision::Sha256;

use super::config::TrainConfig;
use super::schema::Columns;

/// Version of the file's fields.
const VERSION: &str = "1.0.0";

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Meta {
    version: &'static str,
    timestamp: String,
    dataset: Value,
    features: Value,
    labels: Value,
    model: Value,
    quantization: Value,
}

/// What it is made of.
pub(super) struct Parts<'a> {
    pub(super) began: &'a str,
    pub(super) dataset: (&'a str, Sha256),
    pub(super) columns: &'a Columns,
    pub(super) config: &'a TrainConfig,
    pub(super) scaler: &'a Scaler,
    /// Of the network of floats.
    pub(super) metrics: &'a Classification,
    /// Fraction of rows that the int8 network tells right.
    pub(super) int8_accuracy: f64,
    /// Scale and zero point of input and output.
    pub(super) ends: [(f32, i32); 2],
    pub(super) parameters: usize,
}

impl Meta {
    pub(super) fn of(parts: &Parts<'_>) -> Self {
        let Parts { columns, config, metrics, .. } = parts;
        let mapping: BTreeMap<String, &String> =
            columns.classes.iter().enumerate().map(|(at, class)| (at.to_string(), class)).collect();
        let end = |(scale, zero_point): (f32, i32)| json!({"scale": scale, "zero_point": zero_point});
        Self {
            version: VERSION,
            timestamp: parts.began.to_owned(),
            dataset: json!({"id": parts.dataset.0, "hash": format!("sha256:{}", parts.dataset.1)}),
            features: json!({
                "count": columns.features.len(),
                "names": columns.features,
                "preprocessing": {
                    "scaler_mean": parts.scaler.shift(),
                    "scaler_scale": parts.scaler.scale(),
                    "label_classes": columns.classes,
                },
            }),
            labels: json!({"count": columns.classes.len(), "name": columns.label, "mapping": mapping}),
            model: json!({
                "architecture": {
                    "type": "mlp",
                    "input": columns.features.len(),
                    "hidden_layers": config.model.hidden_layers,
                    "activation": config.model.activation,
                    "dropout_rate": config.model.dropout_rate,
                    "output": columns.classes.len(),
                    "parameters": parts.parameters,
                },
                "metrics": {
                    "test_accuracy": metrics.accuracy,
                    "precision": metrics.precision,
                    "recall": metrics.recall,
                    "f1": metrics.f1,
                    "confusion_matrix": metrics.confusion_matrix,
                },
            }),
            quantization: json!({
                "type": "int8",
                "input_type": "int8",
                "output_type": "int8",
                "input": end(parts.ends[0]),
                "output": end(parts.ends[1]),
                "test_accuracy": parts.int8_accuracy,
            }),
        }
    }
}
