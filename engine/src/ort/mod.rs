//! Networks run by ONNX Runtime. The only place that names it.
//!
//! The shared library is loaded while the program runs, once per process, so a machine without it still starts: every
//! call here then answers [`EngineError::RuntimeMissing`](crate::EngineError::RuntimeMissing), as it does in a build without the `ort` feature.

mod options;

#[cfg(feature = "ort")]
mod enabled;
#[cfg(feature = "ort")]
pub use enabled::{OrtSession, available};

#[cfg(not(feature = "ort"))]
mod disabled;
#[cfg(not(feature = "ort"))]
pub use disabled::{OrtSession, available};

pub use options::{ExecutionProvider, OrtOptions, ParseProviderError, PoolPlan, RuntimeInfo};

/// The name that [`SessionInfo::engine`](crate::SessionInfo) carries.
pub const ENGINE: &str = "ONNX Runtime";
