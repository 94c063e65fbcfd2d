//! Execution providers, asked for one by one so that the one that fails can be named.

use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider as _, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::session::builder::SessionBuilder;

use super::runtime::Runtime;
use crate::EngineError;
use crate::ort::{ExecutionProvider, OrtOptions, PoolPlan};

/// Those providers of `options` that can run here, tried on a builder that is thrown away.
///
/// # Errors
/// [`EngineError::Provider`] for the first that cannot, unless `options` say to go on without it.
pub(super) fn usable<'a>(
    runtime: &Runtime,
    options: &'a OrtOptions,
    pool: PoolPlan,
) -> Result<Vec<&'a ExecutionProvider>, EngineError> {
    let mut usable = Vec::new();
    // What stands behind the CPU is never asked: the CPU takes everything.
    for provider in options.providers.iter().take_while(|provider| **provider != ExecutionProvider::Cpu) {
        let refused = |reason| EngineError::Provider { provider: provider.to_string(), reason };
        let tried = if is_built_in(provider) {
            let tried = register(scratch(runtime)?, &[provider], pool).map(drop);
            tried.map_err(|cause| refused(format!("{cause}; {}", remedy(provider))))
        } else {
            Err(refused(not_built_in(provider, runtime)))
        };
        match tried {
            Ok(()) => usable.push(provider),
            Err(error) if options.error_on_failure => return Err(error),
            Err(error) => tracing::warn!(%error, "the next execution provider is tried"),
        }
    }
    Ok(usable)
}

/// Registers `providers` on `builder`, in order.
///
/// # Errors
/// ONNX Runtime's sentence about the first that fails.
pub(super) fn register(
    builder: SessionBuilder,
    providers: &[&ExecutionProvider],
    pool: PoolPlan,
) -> Result<SessionBuilder, String> {
    let dispatches: Vec<_> = providers.iter().filter_map(|provider| dispatch(provider, pool)).collect();
    builder.with_execution_providers(dispatches).map_err(|error| error.message().to_owned())
}

fn scratch(runtime: &Runtime) -> Result<SessionBuilder, EngineError> {
    SessionBuilder::new(&runtime.environment).map_err(|error| EngineError::RuntimeMissing { reason: error.to_string() })
}

/// ort's form of a provider; none for the CPU, which is always there.
fn dispatch(provider: &ExecutionProvider, pool: PoolPlan) -> Option<ExecutionProviderDispatch> {
    let device = |id: u32| i32::try_from(id).unwrap_or(i32::MAX);
    let dispatch = match provider {
        ExecutionProvider::Cpu => return None,
        ExecutionProvider::Cuda { device_id } => ep::CUDA::default().with_device_id(device(*device_id)).build(),
        ExecutionProvider::TensorRt { device_id } => ep::TensorRT::default().with_device_id(device(*device_id)).build(),
        ExecutionProvider::OpenVino { device_type, precision } => {
            let mut open_vino = ep::OpenVINO::default().with_device_type(device_type);
            open_vino = open_vino.with_num_threads(pool.threads_per_session);
            if let Some(precision) = precision {
                let device = device_type.split([':', '.']).next().unwrap_or("CPU");
                let config = format!("{{\"{device}\": {{\"INFERENCE_PRECISION_HINT\": \"{precision}\"}}}}");
                open_vino = open_vino.with_arbitrary_config("load_config", config);
            }
            open_vino.build()
        }
    };
    Some(dispatch.error_on_failure())
}

fn is_built_in(provider: &ExecutionProvider) -> bool {
    let answer = match provider {
        ExecutionProvider::Cpu => ep::CPU::is_available(),
        ExecutionProvider::Cuda { .. } => ep::CUDA::is_available(),
        ExecutionProvider::TensorRt { .. } => ep::TensorRT::is_available(),
        ExecutionProvider::OpenVino { .. } => ep::OpenVINO::is_available(),
    };
    matches!(answer, Ok(true))
}

/// What is usually wrong when a provider that is built in does not start.
fn remedy(provider: &ExecutionProvider) -> &'static str {
    match provider {
        ExecutionProvider::Cpu => "reinstall the library",
        ExecutionProvider::Cuda { .. } => {
            "are the NVIDIA driver (`nvidia-smi`), CUDA and cuDNN installed and in LD_LIBRARY_PATH, and is there such a GPU?"
        }
        ExecutionProvider::TensorRt { .. } => {
            "are the NVIDIA driver (`nvidia-smi`), CUDA, cuDNN and TensorRT installed and in LD_LIBRARY_PATH, and is there such a GPU?"
        }
        ExecutionProvider::OpenVino { .. } => {
            "is there such a device, with its driver, and are OpenVINO's libraries beside the one of ONNX Runtime?"
        }
    }
}

fn not_built_in(provider: &ExecutionProvider, runtime: &Runtime) -> String {
    let wheel = match provider {
        ExecutionProvider::OpenVino { .. } => "onnxruntime-openvino",
        _ => "onnxruntime-gpu",
    };
    format!(
        "{} was built without it (it has {}); set ORT_DYLIB_PATH to the library inside the Python wheel {wheel}, version 1.{} or later",
        runtime.info.path.display(),
        runtime.info.providers.join(", "),
        ort::MINOR_VERSION,
    )
}
