//! A trained model with all that it needs: from a table to predictions, and to a file and back.

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Sha256;
use vision::files::{FileError, read_bounded, write_atomic};

use crate::learn::catalogue::Hyperparameters;
use crate::learn::{Algorithm, Model, Predictor};
use crate::matrix::Matrix;
use crate::prepare::{Classes, Preparation, PrepareError};
use crate::samples::Task;
use crate::scale::Scaler;
use crate::table::Table;

/// Version of the file format.
const FORMAT: u32 = 1;
/// Bytes of a model file.
const MAX_BYTES: u64 = 1 << 30;

/// Steps from columns to features, and the model: what training makes and prediction uses, one and the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedModel {
    pub(crate) format: u32,
    /// What it tells.
    pub task: Task,
    /// How it learned.
    pub algorithm: Algorithm,
    /// With which hyperparameters; those not named are defaults.
    pub hyperparameters: Hyperparameters,
    /// The column that it tells.
    pub target: String,
    /// Digest of the table that it learned from.
    pub data: Sha256,
    /// Columns to features.
    pub preparation: Preparation,
    pub(crate) scaler: Scaler,
    /// Places of the features that are used.
    pub selected: Vec<usize>,
    /// Names of the classes.
    pub classes: Option<Classes>,
    pub(crate) model: Model,
}

/// What a model says of rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Predictions {
    /// A class of each row and the probability of each class.
    Classes {
        /// The class's name.
        prediction: Vec<String>,
        /// In the order of the model's classes.
        prediction_proba: Vec<Vec<f64>>,
    },
    /// A number for each row.
    Values {
        /// The numbers.
        prediction: Vec<f64>,
    },
}

/// A file that is no model.
#[derive(Debug, Error)]
pub enum ModelFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no JSON of a model.
    #[error("not a model file")]
    Json(#[from] serde_json::Error),
    /// It was written by a later version.
    #[error("the model file has format {found}; this program reads {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// Its parts do not fit together.
    #[error("the parts of the model do not fit together: the file is damaged")]
    Unsound,
}

impl TrainedModel {
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Features of the rows of a table, as the model sees them.
    ///
    /// # Errors
    /// When a column is missing or of another type.
    pub fn features(&self, table: &Table) -> Result<Matrix, PrepareError> {
        let mut x = self.preparation.apply(table)?;
        self.scaler.apply(&mut x);
        Ok(x.only(&self.selected))
    }

    /// Says what the rows of a table are.
    ///
    /// # Errors
    /// When a column is missing or of another type.
    pub fn predict(&self, table: &Table) -> Result<Predictions, PrepareError> {
        let x = self.features(table)?;
        let scores = self.model.scores(&x);
        Ok(match &self.classes {
            None => Predictions::Values { prediction: scores.values().to_vec() },
            Some(Classes(names)) => Predictions::Classes {
                prediction: self.model.classes(&x).into_iter().map(|class| names[class].clone()).collect(),
                prediction_proba: (0..scores.rows()).map(|row| scores.row(row).to_vec()).collect(),
            },
        })
    }

    /// How features are scaled, before those are chosen that are used.
    #[must_use]
    pub fn scaler(&self) -> &Scaler {
        &self.scaler
    }

    /// What was learned of the features that are used.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What the model says of features that are prepared, but neither scaled nor chosen: scores, and classes where it tells classes.
    ///
    /// # Panics
    /// When there are not as many as [`Preparation::names`] has.
    #[must_use]
    pub fn scores(&self, mut features: Matrix) -> (Matrix, Vec<usize>) {
        self.scaler.apply(&mut features);
        let x = features.only(&self.selected);
        let classes = if self.classes.is_some() { self.model.classes(&x) } else { Vec::new() };
        (self.model.scores(&x), classes)
    }

    /// Names of the features that are used, with how much each tells where the model knows.
    #[must_use]
    pub fn importance(&self) -> Option<Vec<(String, f64)>> {
        let names = self.preparation.names();
        let importance = self.model.importance()?;
        Some(self.selected.iter().map(|feature| names[*feature].clone()).zip(importance).collect())
    }

    /// Writes it as JSON, beside `path` first.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ModelFileError> {
        Ok(write_atomic(path, |writer| Ok(serde_json::to_writer(writer, self)?))?)
    }

    /// Reads a file that [`TrainedModel::write`] made. Whatever the file holds, a model that is returned predicts without panic.
    ///
    /// # Errors
    /// When it is no model, or its parts do not fit together.
    pub fn read(path: &Path) -> Result<Self, ModelFileError> {
        Self::of_bytes(&read_bounded(path, MAX_BYTES)?)
    }

    /// As [`TrainedModel::read`], of bytes.
    ///
    /// # Errors
    /// As there.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, ModelFileError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(ModelFileError::Format { found: format });
        }
        let model: Self = serde_json::from_slice(bytes)?;
        if model.is_sound() { Ok(model) } else { Err(ModelFileError::Unsound) }
    }

    fn is_sound(&self) -> bool {
        let features = self.preparation.features.len();
        let outputs = match (&self.classes, self.task) {
            (Some(Classes(names)), Task::Classification) if names.len() > 1 => names.len(),
            (None, Task::Regression) => 1,
            _ => return false,
        };
        self.preparation.features.iter().all(|feature| feature.missing.is_finite())
            && self.scaler.is_sound(features)
            && !self.selected.is_empty()
            && self.selected.iter().all(|feature| *feature < features)
            && self.model.is_sound(self.selected.len(), outputs)
    }
}
