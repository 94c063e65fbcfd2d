//! The answer of a build without the `ort` feature.

use std::path::Path;

use ndarray::ArrayView4;

use super::{OrtOptions, RuntimeInfo};
use crate::{EngineError, Output, Session, SessionInfo};

/// There is none in this build.
#[derive(Debug)]
pub enum OrtSession {}

/// # Errors
/// Always [`EngineError::RuntimeMissing`].
pub fn available(_library: Option<&Path>) -> Result<RuntimeInfo, EngineError> {
    Err(missing())
}

impl OrtSession {
    /// # Errors
    /// Always [`EngineError::RuntimeMissing`].
    pub fn open(_path: &Path, _options: &OrtOptions) -> Result<Self, EngineError> {
        Err(missing())
    }

    /// # Errors
    /// Always [`EngineError::RuntimeMissing`].
    pub fn from_bytes(_bytes: &[u8], _options: &OrtOptions) -> Result<Self, EngineError> {
        Err(missing())
    }
}

impl Session for OrtSession {
    fn info(&self) -> &SessionInfo {
        match *self {}
    }

    fn run(&self, _input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError> {
        match *self {}
    }
}

fn missing() -> EngineError {
    EngineError::RuntimeMissing { reason: "this program was built without the `ort` feature".to_owned() }
}
