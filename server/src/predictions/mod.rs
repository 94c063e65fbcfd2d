//! What was answered goes into the store's log, off the path of requests.
//!
//! | file | what |
//! |---|---|
//! | `occasion` | where and when a photo was taken, as the client says it |
//! | `entry` | an answer as the log keeps it |
//! | `log` | the way from the workers to the log: bounded, and nobody waits for it |
//! | `keeper` | writes, forgets what is too old, looks how answers change |

mod entry;
mod keeper;
mod log;
mod occasion;

pub(crate) use entry::{Answered, entry};
pub(crate) use keeper::keep;
pub(crate) use log::PredictionLog;
pub(crate) use occasion::Occasion;
