//! Photos that are kept, where that is configured: off the path of requests.
//!
//! | file | what |
//! |---|---|
//! | `entry` | a photo and its answer, as they are kept |
//! | `intake` | the way from the workers to the store: bounded in photos and bytes, and nobody waits for it |
//! | `keeper` | writes, many at once; lets go what is too old; removes copies of what was deleted |

mod entry;
mod intake;
mod keeper;

pub(crate) use entry::{Sent, entry};
pub(crate) use intake::PhotoIntake;
pub(crate) use keeper::keep;
