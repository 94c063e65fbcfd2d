//! Of a build without the `candle` feature: a CPU that nothing computes on.

/// There is no other.
#[derive(Debug, Clone)]
pub(super) enum CandleDevice {
    /// The processor.
    Cpu,
}

pub(super) fn cuda(_ordinal: usize) -> Result<CandleDevice, String> {
    Err("this program was built without CUDA (and without candle); use the build that `make cuda` makes, or ask for cpu"
        .to_owned())
}

/// The name that reports carry.
pub(super) const fn name(_device: &CandleDevice) -> &'static str {
    "CPU"
}
