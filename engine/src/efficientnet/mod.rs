//! EfficientNet in candle, up to its last features: the backbone of the networks that embed crops, and of detectors.
//!
//! | module | what |
//! |---|---|
//! | [`family`] | its members as [backbones](crate::backbone) |
//! | [`config`] | the family as data |
//! | [`backbone`] | stem and blocks |
//! | [`mbconv`] | its block |
//! | [`layers`] | convolution with batch norm, squeeze-and-excitation |
//! | [`graph`] | the same as ONNX nodes |
//! | [`layout`] | the names of its tensors, and what others call them |

#[cfg(feature = "candle")]
pub mod backbone;
pub mod config;
mod family;
mod graph;
#[cfg(feature = "candle")]
pub mod layers;
pub mod layout;
#[cfg(feature = "candle")]
pub mod mbconv;

#[cfg(feature = "candle")]
mod network;
#[cfg(feature = "candle")]
pub use backbone::Backbone;
pub use config::{Activation, BlockShape, Config, Stage, VARIANTS, Variant};
pub use family::{EfficientNet, FAMILY};
#[cfg(feature = "candle")]
pub use layers::Build;
