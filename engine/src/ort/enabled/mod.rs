//! The real thing.

mod assignment;
mod library;
mod open;
mod outputs;
mod providers;
mod runtime;
mod session;

pub use runtime::available;
pub use session::OrtSession;
