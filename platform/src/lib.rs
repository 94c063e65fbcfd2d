//! Floor 4: tables of organisations, kept and worked on. No HTTP, no networks.
//!
//! | module | what |
//! |---|---|
//! | [`Platform`] | the store, the limits and the bench; every ability below is a method of it |
//! | [`limits`] | what one organisation, and all together, may cost |
//! | `bench` | heavy work off the async threads: so much at once, so much of one organisation, so long |
//! | [`incoming`] | a file that arrives, bounded, on disk |
//! | `format` | what a file is, by its first bytes |
//! | [`data_sets`] | tables: uploaded, looked at, cleaned, split; features chosen |
//! | [`jobs`] | work that takes longer than a request may: wanted, looked at, cancelled |
//! | [`worker`] | who does it |
//! | [`insights`] | what the last forecast says of each shelf |
//! | [`models`] | what jobs made: deployed, asked |
//! | `cache`, `rows`, `export` | models at hand; rows as clients send them; what writes models as ONNX |
//! | [`error`] | why something was not done |

pub mod data_sets;
pub mod error;
pub mod incoming;
pub mod insights;
pub mod jobs;
pub mod limits;
pub mod models;
pub mod worker;

mod bench;
mod cache;
mod export;
mod format;
mod platform;
mod rows;

pub use error::PlatformError;
pub use export::Exporter;
pub use incoming::Incoming;
pub use limits::{JobLimits, Limits};
pub use platform::Platform;
pub use rows::RowsError;
pub use worker::Worker;
