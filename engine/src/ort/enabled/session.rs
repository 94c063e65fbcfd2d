//! A pool of ONNX Runtime sessions behind one [`Session`].

use std::path::Path;

use half::f16;
use ndarray::ArrayView4;
use ort::session::Session as RawSession;
use ort::value::{TensorRef, ValueRef};

use super::open::{Model, Opened};
use super::{outputs, runtime};
use crate::ort::{ENGINE, OrtOptions};
use crate::pool::Pool;
use crate::{EngineError, Output, Session, SessionInfo, files};

/// What stands for the path of a model that comes from memory.
const IN_MEMORY: &str = "(model in memory)";

/// A network run by ONNX Runtime. Each run has one of the pool's sessions to itself.
#[derive(Debug)]
pub struct OrtSession {
    info: SessionInfo,
    fp16_input: bool,
    pool: Pool<RawSession>,
}

impl OrtSession {
    /// Opens the ONNX file at `path`.
    ///
    /// # Errors
    /// [`EngineError::RuntimeMissing`] without the library, [`EngineError::Provider`] when a provider cannot run,
    /// [`EngineError::Load`] when the file is no network of one image input.
    pub fn open(path: &Path, options: &OrtOptions) -> Result<Self, EngineError> {
        let runtime = runtime::load(options.library.as_deref())?;
        let bytes = files::read(path, options.max_model_bytes)?;
        Model { path, bytes: &bytes, options, runtime: &runtime }.open().map(Self::new)
    }

    /// Opens an ONNX file that is in memory.
    ///
    /// # Errors
    /// As [`OrtSession::open`].
    pub fn from_bytes(bytes: &[u8], options: &OrtOptions) -> Result<Self, EngineError> {
        let runtime = runtime::load(options.library.as_deref())?;
        let model = Model { path: Path::new(IN_MEMORY), bytes, options, runtime: &runtime };
        let load = |reason| EngineError::Load { path: model.path.to_owned(), reason };
        files::check_len(bytes.len() as u64, options.max_model_bytes).map_err(load)?;
        model.open().map(Self::new)
    }

    fn new(opened: Opened) -> Self {
        let Opened { info, fp16_input, sessions, lone } = opened;
        Self { info, fp16_input, pool: Pool::new(sessions, lone) }
    }
}

impl Session for OrtSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    fn run(&self, input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError> {
        self.info.input.check(&input)?;
        // A copy only when the caller's view is not laid out as NCHW.
        let input = input.as_standard_layout();
        let fp16_input = self.fp16_input.then(|| input.mapv(f16::from_f32));
        self.pool.with(|session| {
            let failed = |error: ort::Error| EngineError::Run { engine: ENGINE, source: Box::new(error) };
            let results = match &fp16_input {
                Some(fp16) => session.run(ort::inputs![TensorRef::from_array_view(fp16.view()).map_err(failed)?]),
                None => session.run(ort::inputs![TensorRef::from_array_view(input.view()).map_err(failed)?]),
            };
            let results = results.map_err(failed)?;
            let output = |(name, value): (&str, ValueRef<'_>)| match outputs::to_f32(&value) {
                Ok(array) => Ok(Output { name: name.to_owned(), array }),
                Err(reason) => Err(EngineError::Run { engine: ENGINE, source: format!("{name}: {reason}").into() }),
            };
            results.iter().map(output).collect()
        })
    }
}
