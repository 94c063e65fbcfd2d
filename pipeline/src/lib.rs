//! Floor 3: from photos to counted SKUs.
//!
//! [`Recognizer`] knows only the three traits of `vision`; [`load`] is the one place that puts real networks behind them.

pub mod recognize;
pub mod timing;

pub use recognize::{Photo, RecognizeOptions, Recognized, Recognizer};
pub use timing::Timing;
