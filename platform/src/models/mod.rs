//! Models that were learned from tables: deployed, asked.

mod ab;
mod deploy;
mod onnx;
mod predict;

pub use ab::Compared;
pub use predict::Predicted;
