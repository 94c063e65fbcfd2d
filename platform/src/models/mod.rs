//! Models that were learned from tables: deployed, asked.

mod ab;
mod deploy;
mod predict;

pub use ab::Compared;
pub use predict::Predicted;
