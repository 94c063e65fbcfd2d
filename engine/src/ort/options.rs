//! How ONNX Runtime is asked to run a network: plain values, the same in every build.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::MAX_MODEL_BYTES;

/// Maximum number of sessions that a pool holds without being asked: each has its own copy of the weights.
const MAX_AUTOMATIC_SESSIONS: usize = 8;

/// How a network is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrtOptions {
    /// The shared library. `None`: `ORT_DYLIB_PATH`, else `.runtime/` under the current folder, the folder of the
    /// program and their parents.
    pub library: Option<PathBuf>,
    /// How many runs progress at the same time, and with how many threads each.
    pub pool: PoolPlan,
    /// Opens one more session that uses the threads of the whole pool, for a caller who finds the pool idle: a single
    /// image comes sooner, and images that come together still share the cores evenly. It costs the memory of a
    /// session. Nothing changes where a session has all threads already, or on a GPU.
    pub wide_when_idle: bool,
    /// What should run the network, best first. The CPU takes what is left, and everything when the list is empty.
    pub providers: Vec<ExecutionProvider>,
    /// A provider that cannot run here is an error; otherwise one warning, and the next one is tried.
    pub error_on_failure: bool,
    /// Batch size that callers should split larger batches to; `None` chooses by provider.
    pub preferred_batch: Option<usize>,
    /// Larger model files are refused.
    pub max_model_bytes: u64,
}

impl Default for OrtOptions {
    fn default() -> Self {
        Self {
            library: None,
            pool: PoolPlan::AUTOMATIC,
            wide_when_idle: false,
            providers: Vec::new(),
            error_on_failure: true,
            preferred_batch: None,
            max_model_bytes: MAX_MODEL_BYTES,
        }
    }
}

/// Sessions of a pool and threads of each. Zero leaves a number to the machine: see [`PoolPlan::resolve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PoolPlan {
    /// Runs that progress at the same time.
    pub sessions: usize,
    /// Threads that share the work of one run.
    pub threads_per_session: usize,
}

impl PoolPlan {
    /// As many images per second as the machine gives: one session of one thread per core, and from
    /// `MAX_AUTOMATIC_SESSIONS` cores on more threads per session.
    pub const AUTOMATIC: Self = Self { sessions: 0, threads_per_session: 0 };

    /// The shortest time for a single image: one session, every core works for it. Images that come together wait
    /// for one another.
    pub const LOW_LATENCY: Self = Self { sessions: 1, threads_per_session: 0 };

    /// The plan with its zeros replaced. A GPU serves one session; on a CPU of `cores` the products come as near to
    /// `cores` as they can without passing it, unless both numbers were given.
    #[must_use]
    pub fn resolve(self, cores: usize, gpu: bool) -> Self {
        let cores = cores.max(1);
        match (self.sessions, self.threads_per_session) {
            (0, threads) if gpu => Self { sessions: 1, threads_per_session: threads.max(1) },
            (sessions, 0) if gpu => Self { sessions, threads_per_session: 1 },
            (0, 0) => {
                let sessions = cores.min(MAX_AUTOMATIC_SESSIONS);
                Self { sessions, threads_per_session: cores / sessions }
            }
            (0, threads) => {
                let sessions = (cores / threads).clamp(1, MAX_AUTOMATIC_SESSIONS);
                Self { sessions, threads_per_session: threads }
            }
            (sessions, 0) => Self { sessions, threads_per_session: (cores / sessions).max(1) },
            (sessions, threads_per_session) => Self { sessions, threads_per_session },
        }
    }
}

/// What can run a network inside ONNX Runtime. Parses from `cpu`, `cuda`, `cuda:1`, `tensorrt`, `openvino`,
/// `openvino:GPU`, `openvino:CPU:bf16`, and displays the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExecutionProvider {
    /// ONNX Runtime's own kernels.
    Cpu,
    /// NVIDIA GPUs; wants the library of the `onnxruntime-gpu` wheel.
    Cuda {
        /// Which GPU.
        device_id: u32,
    },
    /// NVIDIA GPUs through TensorRT: minutes to build an engine, then the fastest.
    TensorRt {
        /// Which GPU.
        device_id: u32,
    },
    /// Intel CPUs, GPUs and NPUs; wants the library of the `onnxruntime-openvino` wheel.
    OpenVino {
        /// `CPU`, `GPU`, `GPU.1`, `NPU`, `AUTO:GPU,CPU`; letters, digits and `.,:_-` only.
        device_type: String,
        /// Arithmetic: `f32`, `f16` or `bf16`. `None` leaves it to OpenVINO.
        precision: Option<String>,
    },
}

/// Text that names no execution provider.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no execution provider; known are cpu, cuda, cuda:1, tensorrt, tensorrt:1, openvino, openvino:GPU, openvino:CPU:bf16"
)]
pub struct ParseProviderError(pub String);

impl ExecutionProvider {
    /// The name that reports carry.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda { .. } => "CUDA",
            Self::TensorRt { .. } => "TensorRT",
            Self::OpenVino { .. } => "OpenVINO",
        }
    }

    /// Whether a device other than the CPU does the work.
    #[must_use]
    pub fn is_gpu(&self) -> bool {
        match self {
            Self::Cpu => false,
            Self::Cuda { .. } | Self::TensorRt { .. } => true,
            Self::OpenVino { device_type, .. } => device_type != "CPU",
        }
    }
}

impl FromStr for ExecutionProvider {
    type Err = ParseProviderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseProviderError(text.chars().take(80).collect());
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let device_id = || rest.map_or(Ok(0), str::parse).map_err(|_| wrong());
        match name.to_ascii_lowercase().as_str() {
            "cpu" if rest.is_none() => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda { device_id: device_id()? }),
            "tensorrt" => Ok(Self::TensorRt { device_id: device_id()? }),
            "openvino" => {
                let rest = rest.unwrap_or("CPU");
                let (device, precision) = match rest.rsplit_once(':') {
                    Some((device, last)) if is_precision(last) => (device, Some(last.to_ascii_lowercase())),
                    _ => (rest, None),
                };
                let plain = |c: char| c.is_ascii_alphanumeric() || ".,:_-".contains(c);
                if device.is_empty() || device.len() > 64 || !device.chars().all(plain) {
                    return Err(wrong());
                }
                Ok(Self::OpenVino { device_type: device.to_ascii_uppercase(), precision })
            }
            _ => Err(wrong()),
        }
    }
}

fn is_precision(text: &str) -> bool {
    ["f32", "f16", "bf16"].iter().any(|known| known.eq_ignore_ascii_case(text))
}

impl fmt::Display for ExecutionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda { device_id } => write!(f, "cuda:{device_id}"),
            Self::TensorRt { device_id } => write!(f, "tensorrt:{device_id}"),
            Self::OpenVino { device_type, precision: None } => write!(f, "openvino:{device_type}"),
            Self::OpenVino { device_type, precision: Some(precision) } => {
                write!(f, "openvino:{device_type}:{precision}")
            }
        }
    }
}

/// The library that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeInfo {
    /// As the library states it: `1.31.1`.
    pub version: String,
    /// Where it is.
    pub path: PathBuf,
    /// Providers built into it. Whether one can run shows only when a network is opened with it.
    pub providers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_a_plan_are_filled_by_the_machine() {
        let plan = |sessions, threads_per_session| PoolPlan { sessions, threads_per_session };
        for (asked, cores, gpu, expected) in [
            (PoolPlan::AUTOMATIC, 2, false, plan(2, 1)),
            (PoolPlan::AUTOMATIC, 0, false, plan(1, 1)),
            (PoolPlan::AUTOMATIC, 32, false, plan(8, 4)),
            (PoolPlan::AUTOMATIC, 16, true, plan(1, 1)),
            (PoolPlan::LOW_LATENCY, 2, false, plan(1, 2)),
            (PoolPlan::LOW_LATENCY, 16, true, plan(1, 1)),
            (plan(0, 4), 16, false, plan(4, 4)),
            (plan(0, 4), 2, false, plan(1, 4)),
            (plan(3, 0), 2, false, plan(3, 1)),
            (plan(5, 3), 2, true, plan(5, 3)),
        ] {
            assert_eq!(asked.resolve(cores, gpu), expected, "{asked:?} on {cores} cores, GPU {gpu}");
        }
    }

    #[test]
    fn providers_parse_and_display() {
        let open_vino = |device_type: &str, precision: Option<&str>| ExecutionProvider::OpenVino {
            device_type: device_type.to_owned(),
            precision: precision.map(str::to_owned),
        };
        for (text, expected, shown) in [
            ("cpu", ExecutionProvider::Cpu, "cpu"),
            ("CUDA", ExecutionProvider::Cuda { device_id: 0 }, "cuda:0"),
            ("cuda:3", ExecutionProvider::Cuda { device_id: 3 }, "cuda:3"),
            ("tensorrt", ExecutionProvider::TensorRt { device_id: 0 }, "tensorrt:0"),
            ("openvino", open_vino("CPU", None), "openvino:CPU"),
            ("openvino:gpu.1", open_vino("GPU.1", None), "openvino:GPU.1"),
            ("openvino:CPU:BF16", open_vino("CPU", Some("bf16")), "openvino:CPU:bf16"),
            ("openvino:AUTO:GPU,CPU", open_vino("AUTO:GPU,CPU", None), "openvino:AUTO:GPU,CPU"),
        ] {
            let parsed: ExecutionProvider = text.parse().unwrap();
            assert_eq!(parsed, expected);
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(shown.parse(), Ok(expected));
        }
        for text in [
            "",
            "cpu:1",
            "cuda:",
            "cuda:-1",
            "cuda:x",
            "metal",
            "openvino:",
            "openvino:C\0U",
            "openvino::f32",
            "openvino:A B",
        ] {
            assert_eq!(text.parse::<ExecutionProvider>(), Err(ParseProviderError(text.to_owned())), "{text:?}");
        }
    }
}
