//! Another release takes the place of the one that is served, and no request is dropped.
//!
//! | file | what |
//! |---|---|
//! | `reload` | how another release is loaded, and who asks for one |
//! | `swapper` | loads it beside what is served, tries it, swaps, waits until the one before has answered its last request |
//! | `trial` | loads the other release of a test beside it, and takes it away again |
//! | `attempts` | when a release that was refused is tried again |
//! | `swaps` | how it stands, for `/health` and metrics |
//!
//! What was accepted is finished with what it began with (`served`), so an answer is of one release from its first stage to its
//! last. No more than two are in memory at a time: a third waits until the first is gone.

mod attempts;
mod reload;
mod swapper;
mod swaps;
mod trial;

pub use reload::Reload;
pub(crate) use swapper::{Swapper, follow};
pub(crate) use swaps::Swaps;
