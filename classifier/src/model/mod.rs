//! The network that embeds crops: one of the [backbones](engine::backbone), and what is trained on top of it.

#[cfg(feature = "candle")]
pub mod network;

pub use engine::Backbone;
#[cfg(feature = "candle")]
pub use network::{EmbedderNetwork, Heads};
