//! Where candle computes.

#[cfg(feature = "candle")]
mod enabled;
#[cfg(feature = "candle")]
use enabled as backend;

#[cfg(not(feature = "candle"))]
mod disabled;
#[cfg(not(feature = "candle"))]
use disabled as backend;

use std::fmt;

use backend::CandleDevice;
#[cfg(feature = "candle")]
pub(crate) use enabled::name;

use crate::EngineError;

/// A CPU or a CUDA GPU. Dereferences to candle's own device, in a build with candle.
#[derive(Debug, Clone)]
pub struct Device(CandleDevice);

impl Device {
    /// The CPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self(CandleDevice::Cpu)
    }

    /// The device that `text` names: `cpu`, `cuda` (the first GPU), `cuda:1`, or `auto` (the first GPU if there is one
    /// that this build can use, the CPU otherwise).
    ///
    /// # Errors
    /// [`EngineError::Provider`] when there is no such device or this build cannot use it.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let refuse = |reason: String| EngineError::Provider { provider: format!("candle on {text:.40}"), reason };
        match text.to_ascii_lowercase().as_str() {
            "cpu" => Ok(Self::cpu()),
            "auto" => Ok(backend::cuda(0).map_or_else(|_| Self::cpu(), Self)),
            name => {
                let unknown = || refuse("it is no device; known are cpu, cuda, cuda:1 and auto".to_owned());
                let rest = name.strip_prefix("cuda").ok_or_else(unknown)?;
                let ordinal = match rest.strip_prefix(':') {
                    None if rest.is_empty() => 0,
                    Some(ordinal) => ordinal.parse().map_err(|_| unknown())?,
                    None => return Err(unknown()),
                };
                backend::cuda(ordinal).map(Self).map_err(refuse)
            }
        }
    }
}

/// `CPU`, `CUDA`: as reports name it.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(backend::name(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_parse() {
        assert_eq!(Device::parse("cpu").unwrap().to_string(), "CPU");
        assert!(Device::parse("auto").is_ok());
        for text in ["", "gpu", "cuda:", "cuda1", "cuda:-1", "cuda:x", "metal"] {
            let error = Device::parse(text).unwrap_err().to_string();
            assert!(error.contains("known are"), "{text:?}: {error}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so() {
        for text in ["cuda", "CUDA", "cuda:1"] {
            let error = Device::parse(text).unwrap_err().to_string();
            assert!(error.contains("without CUDA") && error.contains("make cuda"), "{error}");
        }
        assert_eq!(Device::parse("auto").unwrap().to_string(), "CPU");
    }
}
