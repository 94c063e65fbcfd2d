//! What was answered goes into the store's log, off the path of requests.
//!
//! | file | what |
//! |---|---|
//! | `occasion` | where and when a photo was taken, as the client says it |
//! | `log` | the way from the workers to the log: bounded, and nobody waits for it |
//!
//! Workers make the entries (`inference`), `log_writer` writes them.

mod log;
mod occasion;

pub(crate) use log::PredictionLog;
pub(crate) use occasion::Occasion;
