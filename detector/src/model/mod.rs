//! Detectors in candle: a neck and head on a backbone. YOLOv8 (Jocher, Chaurasia and Qiu, 2023) is as its architecture was
//! published; its neck and head stand on any of the [backbones](engine::backbone), too.
//!
//! | file | what |
//! |---|---|
//! | [`architecture`] | which network a set of weights is, and what it is called |
//! | [`detector_head`], [`heads`] | what stands on a backbone: the trait, and all that have it |
//! | [`scale`], `yolov8` | YOLOv8's sizes n, s, m, l, x as data, and as heads |
//! | [`blocks`] | convolution, bottleneck, C2f, SPPF |
//! | [`backbone`], [`neck`], [`head`] | layers 0-9, 10-21, 22 |
//! | [`pyramid`] | the features between them |
//! | [`lateral`] | another backbone in place of layers 0-8 |
//! | [`graph`] | the network as ONNX nodes |
//! | [`fold`] | batch normalisation folded into convolutions, for inference |
//!
//! Tensors have the names that users of Ultralytics know: `model.0.conv.weight`, `model.22.cv2.0.0.conv.weight`. Those of
//! another backbone are its native ones under `model.trunk`.

pub mod architecture;
pub mod detector_head;
pub mod heads;
pub mod pyramid;
pub mod scale;
mod yolov8;

#[cfg(feature = "candle")]
pub mod backbone;
#[cfg(feature = "candle")]
pub mod blocks;
#[cfg(feature = "candle")]
pub mod fold;
#[cfg(feature = "candle")]
pub mod graph;
#[cfg(feature = "candle")]
pub mod head;
#[cfg(feature = "candle")]
pub mod lateral;
#[cfg(feature = "candle")]
pub mod neck;
#[cfg(feature = "candle")]
mod network;

pub use architecture::{Architecture, ArchitectureError, Design, ParseDesignError};
pub use detector_head::DetectorHead;
#[cfg(feature = "candle")]
pub use head::HeadOutput;
#[cfg(feature = "candle")]
pub use network::DetectorNetwork;
pub use scale::Scale;
