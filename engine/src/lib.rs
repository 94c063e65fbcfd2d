//! Floor 1: running and training networks. The only shared code that names ONNX Runtime.
//!
//! [`Session`] is the seam: an NCHW `f32` batch goes in, named arrays come out, whatever engine runs below.

pub mod session;

pub use session::{EngineError, InputShape, Output, Session, SessionInfo};
