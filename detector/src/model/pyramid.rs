//! Features at three strides, between backbone, neck and head.

#[cfg(feature = "candle")]
use candle_core::Tensor;

/// Feature maps (B, C, H, W), finest first.
#[cfg(feature = "candle")]
#[derive(Debug, Clone)]
pub struct Pyramid {
    /// Stride 8.
    pub p3: Tensor,
    /// Stride 16.
    pub p4: Tensor,
    /// Stride 32.
    pub p5: Tensor,
}

/// Channels of features at three strides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PyramidChannels {
    /// Stride 8.
    pub p3: usize,
    /// Stride 16.
    pub p4: usize,
    /// Stride 32.
    pub p5: usize,
}
