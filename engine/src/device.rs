//! Where candle computes.

use std::fmt;
use std::ops::Deref;

use candle_core::Device as Inner;

use crate::EngineError;

/// A CPU or a CUDA GPU. Dereferences to candle's own device.
#[derive(Debug, Clone)]
pub struct Device(Inner);

impl Device {
    /// The CPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self(Inner::Cpu)
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
            "auto" => Ok(cuda(0).map_or_else(|_| Self::cpu(), Self)),
            name => {
                let unknown = || refuse("it is no device; known are cpu, cuda, cuda:1 and auto".to_owned());
                let rest = name.strip_prefix("cuda").ok_or_else(unknown)?;
                let ordinal = match rest.strip_prefix(':') {
                    None if rest.is_empty() => 0,
                    Some(ordinal) => ordinal.parse().map_err(|_| unknown())?,
                    None => return Err(unknown()),
                };
                cuda(ordinal).map(Self).map_err(refuse)
            }
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda(ordinal: usize) -> Result<Inner, String> {
    Inner::new_cuda(ordinal).map_err(|error| format!("{error}; is the NVIDIA driver installed (`nvidia-smi`)?"))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_ordinal: usize) -> Result<Inner, String> {
    Err("this program was built without CUDA; use the build that `make cuda` makes, or ask for cpu".to_owned())
}

impl Deref for Device {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl From<Inner> for Device {
    fn from(inner: Inner) -> Self {
        Self(inner)
    }
}

/// `CPU`, `CUDA`: as reports name it.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&self.0))
    }
}

/// The name that reports carry.
pub(crate) fn name(device: &Inner) -> &'static str {
    if device.is_cuda() {
        "CUDA"
    } else if device.is_metal() {
        "Metal"
    } else {
        "CPU"
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
