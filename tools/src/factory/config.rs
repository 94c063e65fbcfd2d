//! What the user wrote (`train.yaml`), converted once.

use std::path::Path;

use serde::{Deserialize, Serialize};
use train::core::settings::parse;
use vision::config::{Check, ConfigError, read_text};

/// Everything that decides what comes out, beside the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TrainConfig {
    pub(super) random_seed: u64,
    pub(super) data: Data,
    pub(super) model: Model,
    pub(super) training: Training,
    pub(super) quantization: Quantization,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            random_seed: 42,
            data: Data::default(),
            model: Model::default(),
            training: Training::default(),
            quantization: Quantization::default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Data {
    pub(super) train_ratio: f64,
    pub(super) val_ratio: f64,
    pub(super) test_ratio: f64,
}

impl Default for Data {
    fn default() -> Self {
        Self { train_ratio: 0.70, val_ratio: 0.15, test_ratio: 0.15 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Model {
    pub(super) hidden_layers: Vec<usize>,
    pub(super) dropout_rate: f32,
    pub(super) activation: String,
}

impl Default for Model {
    fn default() -> Self {
        Self { hidden_layers: vec![64, 32], dropout_rate: 0.2, activation: "relu".to_owned() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Training {
    pub(super) epochs: u64,
    pub(super) batch_size: usize,
    pub(super) patience: u64,
    pub(super) learning_rate: f32,
}

impl Default for Training {
    fn default() -> Self {
        Self { epochs: 100, batch_size: 32, patience: 10, learning_rate: 1e-3 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Quantization {
    pub(super) calibration_samples: usize,
}

impl Default for Quantization {
    fn default() -> Self {
        Self { calibration_samples: 100 }
    }
}

impl TrainConfig {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Naming file and key.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let config: Self = parse(&read_text(path)?, path, &[])?;
        config.checked(&Check::of(path))
    }

    fn checked(self, check: &Check<'_>) -> Result<Self, ConfigError> {
        let Self { data, model, training, quantization, .. } = &self;
        for (key, value) in [
            ("data.train_ratio", data.train_ratio),
            ("data.val_ratio", data.val_ratio),
            ("data.test_ratio", data.test_ratio),
        ] {
            check.within(key, value, 0.01, 0.98)?;
        }
        let sum = data.train_ratio + data.val_ratio + data.test_ratio;
        check.within("data.train_ratio + val_ratio + test_ratio", sum, 0.999, 1.001)?;
        check.within("model.hidden_layers (how many)", model.hidden_layers.len(), 0, 8)?;
        for size in &model.hidden_layers {
            check.within("model.hidden_layers", *size, 1, 1024)?;
        }
        check.within("model.dropout_rate", model.dropout_rate, 0.0, 0.95)?;
        if model.activation != "relu" {
            return Err(check.wrong("model.activation", &model.activation, &"relu"));
        }
        check.within("training.epochs", training.epochs, 1, 100_000)?;
        check.within("training.batch_size", training.batch_size, 1, 65_536)?;
        check.within("training.patience", training.patience, 0, 100_000)?;
        check.within("training.learning_rate", training.learning_rate, 1e-7, 1.0)?;
        check.within("quantization.calibration_samples", quantization.calibration_samples, 1, 100_000)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<TrainConfig, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("train.yaml");
        fs::write(&path, text).expect("written");
        TrainConfig::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_that_ships_says_what_holds_without_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/train.yaml");
        assert_eq!(TrainConfig::read(&path).expect("sound"), TrainConfig::default());
    }

    #[test]
    fn mistakes_name_their_key() {
        assert_eq!(read("training: {epochs: 3}\n").expect("sound").training.epochs, 3);
        for (text, part) in [
            ("training: {epoch: 3}\n", "epoch"),
            ("data: {train_ratio: 0.9}\n", "ratio"),
            ("data: {val_ratio: .nan}\n", "data.val_ratio"),
            ("model: {activation: tanh}\n", "model.activation"),
            ("model: {hidden_layers: [0]}\n", "model.hidden_layers"),
            ("model: {dropout_rate: 1.0}\n", "model.dropout_rate"),
            ("quantization: {calibration_samples: 0}\n", "quantization.calibration_samples"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(part) && error.contains("train.yaml"), "{text}: {error}");
        }
    }
}
