//! EfficientNet in candle, up to its last features: the backbone of the networks that embed crops, and of detectors.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the family as data |
//! | [`backbone`] | stem and blocks |
//! | [`mbconv`] | its block |
//! | [`layers`] | convolution with batch norm, squeeze-and-excitation |
//! | [`graph`] | the same as ONNX nodes |
//! | [`layout`] | the names of its tensors, and what others call them |

#[cfg(feature = "candle")]
pub mod backbone;
pub mod config;
pub mod graph;
#[cfg(feature = "candle")]
pub mod layers;
pub mod layout;
#[cfg(feature = "candle")]
pub mod mbconv;

#[cfg(feature = "candle")]
pub use backbone::Backbone;
pub use config::{
    Activation, Architecture, BlockShape, Config, Normalisation, Padding, ParseArchitectureError, Stage, VARIANTS,
    Variant,
};
#[cfg(feature = "candle")]
pub use layers::{Build, Norms};
