//! candle's own devices.

use std::ops::Deref;

pub(super) use candle_core::Device as Inner;

use super::Device;

#[cfg(feature = "cuda")]
pub(super) fn cuda(ordinal: usize) -> Result<Inner, String> {
    Inner::new_cuda(ordinal).map_err(|error| format!("{error}; is the NVIDIA driver installed (`nvidia-smi`)?"))
}

#[cfg(not(feature = "cuda"))]
pub(super) fn cuda(_ordinal: usize) -> Result<Inner, String> {
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
