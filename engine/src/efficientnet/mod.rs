//! EfficientNet in candle, up to its last features: the backbone of the networks that embed crops, and of detectors.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the family as data |
//! | [`trunk`] | stem and blocks |
//! | [`mbconv`] | its block |
//! | [`layers`] | convolution with batch norm, squeeze-and-excitation |
//! | [`graph`] | the same as ONNX nodes |
//! | [`layout`] | the names of its tensors, and what others call them |

pub mod config;
pub mod graph;
pub mod layers;
pub mod layout;
pub mod mbconv;
pub mod trunk;

pub use config::{
    Activation, Architecture, BlockShape, Config, Normalisation, Padding, ParseArchitectureError, Stage, VARIANTS,
    Variant,
};
pub use layers::{Build, Norms};
pub use trunk::Trunk;
