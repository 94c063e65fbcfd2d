//! Networks of dense layers that tell the class of a row of numbers.
//!
//! | file | what |
//! |---|---|
//! | [`network`] | the layers: made of a seed, run on rows |
//! | `descent` | loss and gradients of a batch |
//! | `adam` | the optimiser's rule on plain slices |
//! | `file` | the network and everything a run needs to go on, as safetensors |
//! | [`fit`] | the learner that [`crate::core::learner::run`] drives |
//! | [`export`] | as TFLite |
//!
//! Plain loops over a few thousand weights: a step of a tensor library costs more than the arithmetic of such a network. One
//! thread, sums in a fixed order: a seed gives the same bytes.

mod adam;
mod descent;
pub mod export;
mod file;
pub mod fit;
pub mod network;

pub use export::to_tflite;
pub use fit::{MlpError, MlpLearner, MlpPlan, Rows};
pub use network::Mlp;
