//! A pool of ONNX Runtime sessions behind one [`Session`].

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use half::f16;
use ndarray::ArrayView4;
use ort::session::Session as Inner;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueRef};

use super::runtime::Runtime;
use super::{assignment, outputs, providers, runtime};
use crate::ort::{ENGINE, ExecutionProvider, OrtOptions, PoolPlan};
use crate::pool::Pool;
use crate::{EngineError, InputShape, Output, Session, SessionInfo, files};

/// Crops or pictures that a GPU is given at once.
const GPU_BATCH: usize = 32;

/// What stands for the path of a model that comes from memory.
const IN_MEMORY: &str = "(model in memory)";

/// A network run by ONNX Runtime. Each run has one of the pool's sessions to itself.
#[derive(Debug)]
pub struct OrtSession {
    info: SessionInfo,
    half_input: bool,
    pool: Pool<Inner>,
}

impl OrtSession {
    /// Opens the ONNX file at `path`.
    ///
    /// # Errors
    /// [`EngineError::RuntimeMissing`] without the library, [`EngineError::Provider`] when a provider cannot run,
    /// [`EngineError::Load`] when the file is no network of one picture input.
    pub fn open(path: &Path, options: &OrtOptions) -> Result<Self, EngineError> {
        let runtime = runtime::load(options.library.as_deref())?;
        let bytes = files::read(path, options.max_model_bytes)?;
        Model { path, bytes: &bytes, options, runtime: &runtime }.open()
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
        model.open()
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
        let half_input = self.half_input.then(|| input.mapv(f16::from_f32));
        self.pool.with(|session| {
            let failed = |error: ort::Error| EngineError::Run { engine: ENGINE, source: Box::new(error) };
            let results = match &half_input {
                Some(half) => session.run(ort::inputs![TensorRef::from_array_view(half.view()).map_err(failed)?]),
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

/// A model on its way to a session.
struct Model<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    options: &'a OrtOptions,
    runtime: &'a Runtime,
}

impl Model<'_> {
    fn open(&self) -> Result<OrtSession, EngineError> {
        let asked_gpu = self.options.providers.first().is_some_and(ExecutionProvider::is_gpu);
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let pool = self.options.pool.resolve(cores, asked_gpu);
        let providers = providers::usable(self.runtime, self.options, pool)?;
        let on_gpu = providers.first().is_some_and(|provider| provider.is_gpu());
        // Without its GPU the network gets the plan of a CPU.
        let pool = if asked_gpu && !on_gpu { self.options.pool.resolve(cores, false) } else { pool };

        // Optimising the graph keeps one core busy; the other sessions are opened on the others meanwhile.
        let sessions: Vec<Inner> = thread::scope(|scope| {
            let open = || self.commit(&providers, pool);
            let others: Vec<_> = (1..pool.sessions).map(|_| scope.spawn(open)).collect();
            let panicked = |_| Err(self.refuse("ONNX Runtime panicked"));
            let others = others.into_iter().map(|other| other.join().unwrap_or_else(panicked));
            std::iter::once(open()).chain(others).collect::<Result<_, _>>()
        })?;
        self.finish(sessions, &providers, on_gpu)
    }

    /// One session.
    fn commit(&self, providers: &[&ExecutionProvider], pool: PoolPlan) -> Result<Inner, EngineError> {
        let refuse = |error: &dyn std::fmt::Display| self.refuse(&error.to_string());
        let builder = self.configure(!providers.is_empty(), pool).map_err(|error| refuse(&error))?;
        let asked = || providers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut builder = providers::register(builder, providers, pool)
            .map_err(|reason| EngineError::Provider { provider: asked(), reason })?;
        builder.commit_from_memory(self.bytes).map_err(|error| refuse(&error))
    }

    fn configure(&self, record: bool, pool: PoolPlan) -> ort::Result<SessionBuilder> {
        let mut builder = SessionBuilder::new(&self.runtime.environment)?
            .with_intra_threads(pool.threads_per_session)?
            // Spinning threads starve each other, and everyone else, when cores are shared.
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?;
        if record {
            builder = builder.with_config_entry(assignment::RECORD.0, assignment::RECORD.1)?;
        }
        Ok(builder)
    }

    /// Reads what the model says about itself.
    fn finish(
        &self,
        sessions: Vec<Inner>,
        asked: &[&ExecutionProvider],
        on_gpu: bool,
    ) -> Result<OrtSession, EngineError> {
        let Some(first) = sessions.first() else { return Err(self.refuse("no session was opened")) };
        let (input, half_input) = self.input(first.inputs())?;
        if let Some(output) = first.outputs().iter().find(|output| !outputs::is_supported(output.dtype())) {
            let reason = format!("its output {} is {}, which cannot be read as numbers", output.name(), output.dtype());
            return Err(self.refuse(&reason));
        }
        let provider =
            if asked.is_empty() { ExecutionProvider::Cpu.name().to_owned() } else { self.who_runs(first, asked)? };
        let preferred = self.options.preferred_batch.unwrap_or(if on_gpu { GPU_BATCH } else { 1 });
        let info = SessionInfo {
            engine: ENGINE,
            version: self.runtime.info.version.clone(),
            provider,
            input,
            outputs: first.outputs().iter().map(|output| output.name().to_owned()).collect(),
            metadata: metadata(first).map_err(|error| self.refuse(error.message()))?,
            parallelism: sessions.len(),
            preferred_batch: input.batch.unwrap_or(preferred.max(1)),
        };
        tracing::debug!(path = %self.path.display(), provider = %info.provider, input = %info.input, sessions = info.parallelism, "network is open");
        Ok(OrtSession { info, half_input, pool: Pool::new(sessions) })
    }

    /// The one input, which must be a picture: four dimensions, planes known, floating point.
    fn input(&self, inputs: &[Outlet]) -> Result<(InputShape, bool), EngineError> {
        let [input] = inputs else {
            let names: Vec<_> = inputs.iter().map(Outlet::name).collect();
            return Err(self.refuse(&format!(
                "it has {} inputs ({}), one picture input is needed",
                names.len(),
                names.join(", ")
            )));
        };
        let refuse = |what: &str| self.refuse(&format!("its input {} is {}, {what}", input.name(), input.dtype()));
        let half_input = match input.dtype().tensor_type() {
            Some(TensorElementType::Float32) => false,
            Some(TensorElementType::Float16) => true,
            _ => return Err(refuse("32- or 16-bit floating point is needed")),
        };
        let shape: Vec<i64> = input.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
        let &[batch, channels, height, width] = shape.as_slice() else {
            return Err(refuse("four dimensions (batch, channels, height, width) are needed"));
        };
        let size = |size: i64| usize::try_from(size).ok();
        let Some(channels) = size(channels).filter(|channels| *channels > 0) else {
            return Err(refuse("the number of channels must be fixed"));
        };
        Ok((InputShape { batch: size(batch), channels, height: size(height), width: size(width) }, half_input))
    }

    /// Which of the providers asked for got nodes to run; the CPU alone is a failure then.
    fn who_runs(&self, session: &Inner, asked: &[&ExecutionProvider]) -> Result<String, EngineError> {
        let names = || asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let refuse = |reason: String| EngineError::Provider { provider: names(), reason };
        let nodes = assignment::nodes_by_provider(session).map_err(|error| refuse(error.message().to_owned()))?;
        let provider = assignment::describe(&nodes);
        tracing::info!(?nodes, "execution providers share the network's nodes");
        if provider != ExecutionProvider::Cpu.name() {
            return Ok(provider);
        }
        let error = refuse("it took none of the network's nodes; the CPU would run them all".to_owned());
        if self.options.error_on_failure {
            return Err(error);
        }
        tracing::warn!(%error, "the CPU runs the network");
        Ok(provider)
    }

    fn refuse(&self, cause: &str) -> EngineError {
        let reason = format!("{cause}; is it a whole ONNX model of a picture network? Copy or export it again");
        EngineError::Load { path: self.path.to_owned(), reason }
    }
}

/// The key-value pairs stored in the model.
fn metadata(session: &Inner) -> ort::Result<BTreeMap<String, String>> {
    let metadata = session.metadata()?;
    let keys = metadata.custom_keys()?;
    Ok(keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value))).collect())
}
