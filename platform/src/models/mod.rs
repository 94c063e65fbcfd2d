//! Models that were learned from tables: deployed, asked.

mod deploy;
mod predict;

pub use predict::Predicted;
