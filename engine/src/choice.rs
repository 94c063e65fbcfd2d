//! Which engine runs a weights file.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tracing::warn;

use crate::tflite::TfliteSession;
use crate::{EngineError, OrtOptions, OrtSession, Session};

/// Which engine runs a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// ONNX Runtime for `.onnx` files, the reference interpreter for `.tflite`, candle for `.safetensors`, and for networks it
    /// knows in `.onnx` where the library of ONNX Runtime is missing.
    #[default]
    Auto,
    /// ONNX Runtime or an error.
    OnnxRuntime,
    /// candle or an error.
    Candle,
}

/// The kinds of weights files that are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightsFormat {
    /// A whole network.
    Onnx,
    /// Weights alone.
    Safetensors,
    /// A whole network for devices, run by the reference interpreter: for measuring, not for serving.
    Tflite,
}

/// A file that the chosen engine cannot run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// No kind of file we read.
    #[error(
        "{path} is neither an .onnx, nor a .safetensors, nor a .tflite file: export the model as ONNX, or import it with `shelf models import`"
    )]
    Format {
        /// Path of the file.
        path: PathBuf,
    },
    /// The engine asked for reads other files.
    #[error(
        "{path} holds weights only and is run by candle: set the engine to `auto` or `candle`, or use an .onnx file"
    )]
    NeedsCandle {
        /// Path of the file.
        path: PathBuf,
    },
    /// The engine asked for does not run files for devices.
    #[error("{path} is run by the interpreter of TFLite files: set the engine to `auto`, or use an .onnx file")]
    NeedsTflite {
        /// Path of the file.
        path: PathBuf,
    },
    /// Neither engine can run it.
    #[error("{runtime}. The substitute cannot help: {candle}")]
    NoEngine {
        /// Why ONNX Runtime cannot.
        runtime: EngineError,
        /// Why candle cannot.
        #[source]
        candle: Box<dyn StdError + Send + Sync>,
    },
}

impl WeightsFormat {
    /// By the end of its name.
    ///
    /// # Errors
    /// [`ChoiceError::Format`].
    pub fn of(path: &Path) -> Result<Self, ChoiceError> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "onnx" => Ok(Self::Onnx),
            "safetensors" => Ok(Self::Safetensors),
            "tflite" => Ok(Self::Tflite),
            _ => Err(ChoiceError::Format { path: path.to_owned() }),
        }
    }
}

impl EngineChoice {
    /// Opens the weights at `path` with the engine chosen. `candle` builds the network when candle is to run it.
    ///
    /// # Errors
    /// When the engine cannot run such a file, and what the engine itself says.
    pub fn open<E>(
        self,
        path: &Path,
        ort: &OrtOptions,
        candle: impl FnOnce() -> Result<Box<dyn Session>, E>,
    ) -> Result<Box<dyn Session>, E>
    where
        E: From<ChoiceError> + From<EngineError> + StdError + Send + Sync + 'static,
    {
        let runtime = || -> Result<Box<dyn Session>, EngineError> { Ok(Box::new(OrtSession::open(path, ort)?)) };
        match (WeightsFormat::of(path)?, self) {
            (WeightsFormat::Onnx, Self::OnnxRuntime) => Ok(runtime()?),
            (WeightsFormat::Onnx, Self::Auto) => match runtime() {
                Err(missing @ EngineError::RuntimeMissing { .. }) => substitute(path, missing, candle),
                opened => Ok(opened?),
            },
            (WeightsFormat::Safetensors, Self::OnnxRuntime) => {
                Err(ChoiceError::NeedsCandle { path: path.to_owned() }.into())
            }
            (WeightsFormat::Tflite, Self::Auto) => Ok(Box::new(TfliteSession::open(path)?)),
            (WeightsFormat::Tflite, _) => Err(ChoiceError::NeedsTflite { path: path.to_owned() }.into()),
            (_, Self::Candle) | (WeightsFormat::Safetensors, Self::Auto) => candle(),
        }
    }
}

fn substitute<E: From<ChoiceError> + StdError + Send + Sync + 'static>(
    path: &Path,
    runtime: EngineError,
    candle: impl FnOnce() -> Result<Box<dyn Session>, E>,
) -> Result<Box<dyn Session>, E> {
    match candle() {
        Ok(session) => {
            warn!(
                model = %path.display(),
                reason = %runtime,
                "candle runs the network in place of ONNX Runtime: the same answers, several times slower"
            );
            Ok(session)
        }
        Err(candle) => Err(ChoiceError::NoEngine { runtime, candle: Box::new(candle) }.into()),
    }
}
