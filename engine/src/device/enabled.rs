//! candle's own devices.

use std::ops::Deref;

pub(super) use candle_core::Device as CandleDevice;

use super::Device;

#[cfg(feature = "cuda")]
pub(super) fn cuda(ordinal: usize) -> Result<CandleDevice, String> {
    CandleDevice::new_cuda(ordinal).map_err(|error| format!("{error}; is the NVIDIA driver installed (`nvidia-smi`)?"))
}

#[cfg(not(feature = "cuda"))]
pub(super) fn cuda(_ordinal: usize) -> Result<CandleDevice, String> {
    Err("this program was built without CUDA; use the build that `make cuda` makes, or ask for cpu".to_owned())
}

impl Deref for Device {
    type Target = CandleDevice;

    fn deref(&self) -> &CandleDevice {
        &self.0
    }
}

impl From<CandleDevice> for Device {
    fn from(inner: CandleDevice) -> Self {
        Self(inner)
    }
}

/// The name that reports carry.
pub(crate) fn name(device: &CandleDevice) -> &'static str {
    if device.is_cuda() {
        "CUDA"
    } else if device.is_metal() {
        "Metal"
    } else {
        "CPU"
    }
}
