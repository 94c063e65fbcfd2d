//! The seam between networks and the engines that run them.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use ndarray::{ArrayD, ArrayView4};
use thiserror::Error;

/// A network, loaded and ready. Many threads may call [`Session::run`] at once; `parallelism` of them make progress at
/// the same time and the rest wait their turn.
pub trait Session: Send + Sync {
    /// What was loaded and what runs it.
    fn info(&self) -> &SessionInfo;

    /// Runs one batch (N, C, H, W). Outputs come in the network's order.
    ///
    /// # Errors
    /// When the batch does not fit [`SessionInfo::input`] or the engine fails.
    fn run(&self, input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError>;
}

/// One result array.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Name in the network.
    pub name: String,
    /// First axis is the batch.
    pub array: ArrayD<f32>,
}

/// What a network takes. `None` stands for any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputShape {
    /// Images in a batch.
    pub batch: Option<usize>,
    /// Planes.
    pub channels: usize,
    /// Rows.
    pub height: Option<usize>,
    /// Columns.
    pub width: Option<usize>,
}

impl InputShape {
    /// Whether a batch of this shape (N, C, H, W) can be run. No size may be zero.
    #[must_use]
    pub fn accepts(&self, found: [usize; 4]) -> bool {
        let expected = [self.batch, Some(self.channels), self.height, self.width];
        expected.iter().zip(found).all(|(expected, found)| found > 0 && expected.is_none_or(|size| size == found))
    }

    /// The shape of `input`, when it can be run.
    ///
    /// # Errors
    /// [`EngineError::InputShape`] when it cannot.
    pub fn check(&self, input: &ArrayView4<'_, f32>) -> Result<[usize; 4], EngineError> {
        let (batch, channels, height, width) = input.dim();
        let found = [batch, channels, height, width];
        if self.accepts(found) { Ok(found) } else { Err(EngineError::InputShape { expected: *self, found }) }
    }
}

/// `1x3x640x640`, a `?` for any size.
impl fmt::Display for InputShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut size = |size: Option<usize>, end: &str| match size {
            Some(size) => write!(f, "{size}{end}"),
            None => write!(f, "?{end}"),
        };
        size(self.batch, "x")?;
        size(Some(self.channels), "x")?;
        size(self.height, "x")?;
        size(self.width, "")
    }
}

/// What was loaded and what runs it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo {
    /// `ONNX Runtime` or `candle`.
    pub engine: &'static str,
    /// Version of the engine.
    pub version: String,
    /// Execution provider or device that really runs the network: `CPU`, `CUDA`, `OpenVINO`.
    pub provider: String,
    /// What it takes.
    pub input: InputShape,
    /// Names of the outputs, in order.
    pub outputs: Vec<String>,
    /// Key-value pairs stored in the model file (Ultralytics writes `names`, `stride`, `imgsz`).
    pub metadata: BTreeMap<String, String>,
    /// Runs that progress at the same time.
    pub parallelism: usize,
    /// Batch size at which this engine is fastest per image; callers split larger batches.
    pub preferred_batch: usize,
}

impl SessionInfo {
    /// Images per run when `count` are to be run: what the network insists on, or else what the engine likes, but no more
    /// than keeps every parallel run of the engine busy.
    #[must_use]
    pub fn batch_for(&self, count: usize) -> usize {
        let each = count.div_ceil(self.parallelism.max(1));
        self.input.batch.unwrap_or_else(|| self.preferred_batch.min(each)).max(1)
    }
}

/// Why a network could not be loaded or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The engine's shared library is not there or not usable.
    #[error("ONNX Runtime is not available: {reason}; run `make setup` to fetch it, or set ORT_DYLIB_PATH")]
    RuntimeMissing {
        /// What was tried and what happened.
        reason: String,
    },
    /// An engine was left out when this program was built.
    #[error(
        "this program was built without {engine}; use a package (`make dist`), or `cargo build --release`, which have it"
    )]
    NotBuilt {
        /// Name of the engine.
        engine: &'static str,
    },
    /// A provider was asked for and cannot run here.
    #[error("execution provider {provider} cannot run here: {reason}")]
    Provider {
        /// Name of the execution provider.
        provider: String,
        /// Cause, in words.
        reason: String,
    },
    /// A model file cannot be used.
    #[error("cannot load {path}: {reason}")]
    Load {
        /// Path of the file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A tensor that the network needs is missing from the weights or has another shape.
    #[error("{path}: tensor {name} should be {expected:?}, {}; were these weights made for another architecture?",
        found.as_ref().map_or("is missing".to_owned(), |found| format!("is {found:?}")))]
    Tensor {
        /// Path of the file.
        path: PathBuf,
        /// Which tensor.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape found, none when there is no such tensor.
        found: Option<Vec<usize>>,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}; check the folder's permissions and free space")]
    Save {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The batch does not fit the network.
    #[error("input is {}x{}x{}x{}, the network takes {expected} (batch x channels x height x width)",
        found[0], found[1], found[2], found[3])]
    InputShape {
        /// What the network takes.
        expected: InputShape,
        /// What came.
        found: [usize; 4],
    },
    /// The engine failed while running.
    #[error("{engine} failed to run the network: {source}")]
    Run {
        /// Which engine.
        engine: &'static str,
        /// Its own error.
        source: Box<dyn StdError + Send + Sync>,
    },
}
