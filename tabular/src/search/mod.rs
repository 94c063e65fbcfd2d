//! Hyperparameters: which to try, and which of those tried were best.

mod objective;
mod pruner;
mod sampler;
mod space;
mod tpe;

pub use objective::{SearchError, SearchOptions, Tuned, Tuning, tune, tune_from};
pub use pruner::MedianPruner;
pub use sampler::{Method, Sampler};
pub use space::{Point, Range, Space};
