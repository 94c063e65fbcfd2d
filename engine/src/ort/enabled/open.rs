//! From the bytes of a model to sessions that run it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use ort::session::Session as RawSession;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{Outlet, TensorElementType};

use super::runtime::Runtime;
use super::{assignment, outputs, providers};
use crate::ort::{ENGINE, ExecutionProvider, OrtOptions, PoolPlan};
use crate::{EngineError, InputShape, SessionInfo, onnx};

/// Crops or images that a GPU is given at once.
const GPU_BATCH: usize = 32;

/// A model on its way to a session.
pub(super) struct Model<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes: &'a [u8],
    pub(super) options: &'a OrtOptions,
    pub(super) runtime: &'a Runtime,
}

/// Sessions that run a model.
pub(super) struct Opened {
    pub(super) info: SessionInfo,
    /// Whether the network takes 16-bit numbers.
    pub(super) fp16_input: bool,
    pub(super) sessions: Vec<RawSession>,
    /// One with the threads of all, for a caller that is alone.
    pub(super) lone: Option<RawSession>,
}

impl Model<'_> {
    pub(super) fn open(&self) -> Result<Opened, EngineError> {
        // Also what keeps ONNX Runtime from looking for weights in files that the model names.
        onnx::check(self.bytes).map_err(|reason| EngineError::Load { path: self.path.to_owned(), reason })?;
        let asked_gpu = self.options.providers.first().is_some_and(ExecutionProvider::is_gpu);
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let pool = self.options.pool.resolve(cores, asked_gpu);
        let providers = providers::usable(self.runtime, self.options, pool)?;
        let on_gpu = providers.first().is_some_and(|provider| provider.is_gpu());
        // Without its GPU the network gets the plan of a CPU.
        let pool = if asked_gpu && !on_gpu { self.options.pool.resolve(cores, false) } else { pool };

        let all = PoolPlan { sessions: 1, threads_per_session: pool.sessions * pool.threads_per_session };
        let wide = (self.options.wide_when_idle && pool.sessions > 1 && !on_gpu).then_some(all);

        // Optimising the graph keeps one core busy; the other sessions are opened on the others meanwhile.
        let mut sessions: Vec<_> = thread::scope(|scope| {
            let plans = std::iter::repeat_n(pool, pool.sessions - 1).chain(wide);
            let (model, providers) = (self, &providers);
            let opening: Vec<_> = plans.map(|plan| scope.spawn(move || model.commit(providers, plan))).collect();
            let first = self.commit(providers, pool);
            let panicked = |_| Err(self.refuse("ONNX Runtime panicked"));
            let others = opening.into_iter().map(|opening| opening.join().unwrap_or_else(panicked));
            // All are waited for before the first error is looked at.
            std::iter::once(first).chain(others).collect::<Vec<_>>()
        })
        .into_iter()
        .collect::<Result<_, _>>()?;
        let lone = if wide.is_some() { sessions.pop() } else { None };
        let Some(first) = sessions.first() else { return Err(self.refuse("no session was opened")) };
        let (info, fp16_input) = self.describe(first, &providers, sessions.len())?;
        Ok(Opened { info, fp16_input, sessions, lone })
    }

    /// One session.
    fn commit(&self, providers: &[&ExecutionProvider], pool: PoolPlan) -> Result<RawSession, EngineError> {
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
            // A plan of memory is kept for every shape of input ever seen, and its block comes on top of the arena's:
            // 20 MB a session for YOLOv8n at 640, and no time is won.
            .with_memory_pattern(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?;
        if record {
            builder = builder.with_config_entry(assignment::RECORD.0, assignment::RECORD.1)?;
        }
        Ok(builder)
    }

    /// Reads what the model says about itself.
    fn describe(
        &self,
        first: &RawSession,
        asked: &[&ExecutionProvider],
        parallelism: usize,
    ) -> Result<(SessionInfo, bool), EngineError> {
        let (input, fp16_input) = self.input(first.inputs())?;
        if let Some(output) = first.outputs().iter().find(|output| !outputs::is_supported(output.dtype())) {
            let reason = format!("its output {} is {}, which cannot be read as numbers", output.name(), output.dtype());
            return Err(self.refuse(&reason));
        }
        let provider =
            if asked.is_empty() { ExecutionProvider::Cpu.name().to_owned() } else { self.who_runs(first, asked)? };
        let on_gpu = asked.first().is_some_and(|provider| provider.is_gpu());
        let preferred = self.options.preferred_batch.unwrap_or(if on_gpu { GPU_BATCH } else { 1 });
        let info = SessionInfo {
            engine: ENGINE,
            version: self.runtime.info.version.clone(),
            provider,
            input,
            outputs: first.outputs().iter().map(|output| output.name().to_owned()).collect(),
            metadata: metadata(first).map_err(|error| self.refuse(error.message()))?,
            parallelism,
            preferred_batch: input.batch.unwrap_or(preferred.max(1)),
        };
        tracing::debug!(path = %self.path.display(), provider = %info.provider, input = %info.input, sessions = info.parallelism, "network is open");
        Ok((info, fp16_input))
    }

    /// The one input, which must be an image: four dimensions, planes known, floating point.
    fn input(&self, inputs: &[Outlet]) -> Result<(InputShape, bool), EngineError> {
        let [input] = inputs else {
            let names: Vec<_> = inputs.iter().map(Outlet::name).collect();
            return Err(self.refuse(&format!(
                "it has {} inputs ({}), one image input is needed",
                names.len(),
                names.join(", ")
            )));
        };
        let refuse = |what: &str| self.refuse(&format!("its input {} is {}, {what}", input.name(), input.dtype()));
        let fp16_input = match input.dtype().tensor_type() {
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
        Ok((InputShape { batch: size(batch), channels, height: size(height), width: size(width) }, fp16_input))
    }

    /// Which of the providers asked for got nodes to run; the CPU alone is a failure then.
    fn who_runs(&self, session: &RawSession, asked: &[&ExecutionProvider]) -> Result<String, EngineError> {
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
        let reason = format!("{cause}; is it a whole ONNX model of an image network? Copy or export it again");
        EngineError::Load { path: self.path.to_owned(), reason }
    }
}

/// The key-value pairs stored in the model.
fn metadata(session: &RawSession) -> ort::Result<BTreeMap<String, String>> {
    let metadata = session.metadata()?;
    let keys = metadata.custom_keys()?;
    Ok(keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value))).collect())
}
