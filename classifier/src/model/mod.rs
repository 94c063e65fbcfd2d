//! EfficientNet in candle: the networks that embed crops.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the family as data |
//! | [`efficientnet`] | the network: stem, blocks, head |
//! | [`mbconv`] | its block |
//! | [`layers`] | convolution with folded batch norm, squeeze-and-excitation |
//! | [`depthwise`] | depthwise convolution, which candle itself does one channel at a time |
//! | [`layout`] | the names of its tensors, and what others call them |

pub mod config;
pub mod depthwise;
pub mod efficientnet;
pub mod layers;
pub mod layout;
pub mod mbconv;

pub use config::{Activation, Architecture, Config, Padding, ParseArchitectureError, Stage, VARIANTS, Variant};
pub use efficientnet::{EfficientNet, Heads};
