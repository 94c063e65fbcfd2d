//! The shared library, loaded once per process.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider as _};
use ort::logging::LogLevel;

use super::library::Places;
use crate::EngineError;
use crate::ort::RuntimeInfo;

/// Loaded, and kept until the process ends: ONNX Runtime cannot be unloaded safely.
static RUNTIME: Mutex<Option<Arc<Runtime>>> = Mutex::new(None);

/// A usable ONNX Runtime.
#[derive(Debug)]
pub(super) struct Runtime {
    pub(super) environment: Environment,
    pub(super) info: RuntimeInfo,
}

/// What ONNX Runtime would run networks here. `library` as in [`OrtOptions::library`](crate::ort::OrtOptions).
///
/// # Errors
/// [`EngineError::RuntimeMissing`] when there is none, when it is too old, or when this process has loaded another.
pub fn available(library: Option<&Path>) -> Result<RuntimeInfo, EngineError> {
    load(library).map(|runtime| runtime.info.clone())
}

/// Loads the library, or hands out the one that is loaded.
pub(super) fn load(library: Option<&Path>) -> Result<Arc<Runtime>, EngineError> {
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = slot.as_ref().filter(|_| library.is_none()) {
        return Ok(Arc::clone(runtime));
    }
    let path = Places::of_process(library).find().map_err(missing)?;
    if let Some(runtime) = slot.as_ref() {
        return if runtime.info.path == path {
            Ok(Arc::clone(runtime))
        } else {
            let loaded = runtime.info.path.display();
            Err(missing(format!("{} was asked for, but this process runs {loaded} and cannot change", path.display())))
        };
    }
    let runtime = Arc::new(Runtime::load(path)?);
    *slot = Some(Arc::clone(&runtime));
    Ok(runtime)
}

fn missing(reason: impl Into<String>) -> EngineError {
    EngineError::RuntimeMissing { reason: reason.into() }
}

impl Runtime {
    fn load(path: PathBuf) -> Result<Self, EngineError> {
        let version = stated_version(&path).map_err(missing)?;
        let failed = |reason: &dyn std::fmt::Display| missing(format!("{}: {reason}", path.display()));
        let builder = ort::init_from(&path).map_err(|error| failed(&error))?;
        let builder = builder.with_name("shelfsight").with_telemetry(false).with_logger(Arc::new(log));
        let environment = builder.build().map_err(|error| failed(&error))?;
        // Its own warnings are for those who write graphs ("initializer appears in graph inputs").
        environment.set_log_level(LogLevel::Error);
        let info = RuntimeInfo { version, path, providers: providers() };
        tracing::info!(version = %info.version, path = %info.path.display(), providers = ?info.providers, "ONNX Runtime is loaded");
        Ok(Self { environment, info })
    }
}

/// The version, asked of the library itself; also the proof that it is an ONNX Runtime, which `ort` takes for granted.
fn stated_version(path: &Path) -> Result<String, String> {
    let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    // SAFETY: loading a library runs its initialisers; the operator chose this file to be run. The symbol's type is the
    // one ONNX Runtime has exported since 1.0, and the string it returns is a constant of the library.
    unsafe {
        let library = libloading::Library::new(path).map_err(|error| failed(&error))?;
        let base: libloading::Symbol<'_, unsafe extern "C" fn() -> *const ort::sys::OrtApiBase> =
            library.get(b"OrtGetApiBase").map_err(|_| failed(&"it is not an ONNX Runtime library"))?;
        let base = base();
        if base.is_null() || ((*base).GetApi)(ort::MINOR_VERSION).is_null() {
            return Err(failed(&format_args!("it is older than ONNX Runtime 1.{}", ort::MINOR_VERSION)));
        }
        let version = ((*base).GetVersionString)();
        if version.is_null() {
            return Err(failed(&"it does not state its version"));
        }
        Ok(CStr::from_ptr(version).to_string_lossy().into_owned())
    }
}

/// The providers built in, of those we can ask for.
fn providers() -> Vec<String> {
    let built_in = [
        ("CPU", ep::CPU::is_available()),
        ("CUDA", ep::CUDA::is_available()),
        ("TensorRT", ep::TensorRT::is_available()),
        ("OpenVINO", ep::OpenVINO::is_available()),
    ];
    built_in
        .into_iter()
        .filter(|(_, available)| matches!(available, Ok(true)))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose => tracing::trace!(category, location, "{message}"),
        LogLevel::Info => tracing::debug!(category, location, "{message}"),
        LogLevel::Warning => tracing::warn!(category, location, "{message}"),
        LogLevel::Error | LogLevel::Fatal => tracing::error!(category, location, "{message}"),
    }
}
