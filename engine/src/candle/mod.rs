//! Networks run by candle: the training engine, and what serves where ONNX Runtime is missing.

mod session;

pub use session::{CandleSession, Network};

/// The name that [`SessionInfo::engine`](crate::SessionInfo) carries.
pub const ENGINE: &str = "candle";
