//! YOLOv8 (Jocher, Chaurasia and Qiu, 2023) as its architecture was published, in candle; and its neck and head on an
//! EfficientNet.
//!
//! | file | what |
//! |---|---|
//! | [`scale`] | the sizes n, s, m, l, x as data |
//! | [`architecture`] | which network a set of weights is |
//! | [`blocks`] | convolution, bottleneck, C2f, SPPF |
//! | [`backbone`], [`neck`], [`head`] | layers 0-9, 10-21, 22 |
//! | [`lateral`] | EfficientNet as backbone, in place of layers 0-8 |
//! | [`graph`] | the network as ONNX nodes |
//! | [`fold`] | batch normalisation folded into convolutions, for inference |
//!
//! Tensors have the names that users of Ultralytics know: `model.0.conv.weight`, `model.22.cv2.0.0.conv.weight`. Those of an
//! EfficientNet are timm's under `model.trunk`.

pub mod architecture;
pub mod scale;

#[cfg(feature = "candle")]
pub mod backbone;
#[cfg(feature = "candle")]
pub mod blocks;
#[cfg(feature = "candle")]
pub mod lateral;
#[cfg(feature = "candle")]
pub mod fold;
#[cfg(feature = "candle")]
pub mod graph;
#[cfg(feature = "candle")]
pub mod head;
#[cfg(feature = "candle")]
pub mod neck;
#[cfg(feature = "candle")]
mod network;

pub use architecture::{Architecture, ArchitectureError, BackboneKind, Design, ParseDesignError};
#[cfg(feature = "candle")]
pub use head::HeadOutput;
#[cfg(feature = "candle")]
pub use network::YoloV8;
pub use scale::Scale;
