//! EfficientNet as it embeds crops: the backbone that [`engine::efficientnet`] holds, and what is trained on top of it.
//!
//! | module | what |
//! |---|---|
//! | [`efficientnet`] | backbone, last convolution, pooled features, embedding, classifier |
//! | [`plan`] | how published weights want images |

#[cfg(feature = "candle")]
pub mod efficientnet;
pub mod plan;

#[cfg(feature = "candle")]
pub use efficientnet::{EfficientNet, Heads};
pub use engine::efficientnet::{Architecture, Config, ParseArchitectureError, VARIANTS, Variant, layout};
pub use plan::usual_plan;
