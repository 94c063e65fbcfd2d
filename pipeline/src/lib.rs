//! Floor 3: from photos to counted SKUs.
//!
//! A [`Release`] is networks, gallery and thresholds that belong together; a [`Recognizer`] answers with one over a gallery. Both
//! know only the three traits of `vision`; [`mod@load`] is the one place that puts real networks behind them.

pub mod annotate;
pub mod config;
pub mod count;
pub mod example;
pub mod load;
pub mod recognize;
pub mod release;
pub mod timing;

mod classify;
mod context;
mod prior;
mod request_limits;
mod second_opinion;
mod written;

pub use config::PipelineConfig;
pub use context::RowContext;
pub use example::{ExampleError, ExampleSku, example_recognizer};
pub use load::{LoadError, Loaded, load};
pub use recognize::{Photo, RecognizeError, RecognizeOptions, Recognized, Recognizer};
pub use release::{RecognizerSettings, Release};
pub use request_limits::RequestLimits;
pub use second_opinion::SecondOpinion;
pub use timing::Timing;
