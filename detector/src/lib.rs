//! Floor 2: finds containers in photos with YOLOv8.
//!
//! [`load`](load::load) turns a weights file into a [`YoloDetector`], which implements [`vision::Detector`] over whatever
//! engine runs the network.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | the network in candle: for serving without ONNX Runtime, and for training |
//! | [`anchors`], [`postprocess`] | from the network's numbers to boxes |
//! | [`infer`], [`tiling`] | from photos to detections, at the scale the facings need |
//! | [`probe`] | whether the numbers are a detector's at all |
//! | [`class_map`], [`metadata`] | what the outputs mean |
//! | [`mod@load`] | from files, with every way in which they may be wrong |

pub mod anchors;
mod batch;
pub mod class_map;
pub mod infer;
pub mod load;
pub mod metadata;
pub mod model;
mod network_error;
mod passes;
pub mod postprocess;
pub mod probe;
mod size;
pub mod tiling;

pub use class_map::{ClassMap, ClassMapError};
pub use engine::EngineChoice;
pub use infer::{SpecError, ValidationOptions, YoloDetector, YoloSpec};
pub use load::{ClassChoice, LoadOptions, load};
pub use network_error::{LoadError, NetworkError};
pub use size::SizeError;
pub use tiling::AutoTiling;
