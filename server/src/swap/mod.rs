//! Another release takes the place of the one that is served, and no request is dropped.
//!
//! | file | what |
//! |---|---|
//! | `reload` | how another release is loaded, and who asks for one |
//! | `attempts` | when a release that was refused is tried again |
//! | `swaps` | how it stands, for `/health` and metrics |
//!
//! What was accepted is finished with what it began with (`served`), so an answer is of one release from its first stage to its
//! last. No more than two are in memory at a time: a third waits until the first is gone. `swapper` does the work.

mod attempts;
mod reload;
mod swaps;

pub(crate) use attempts::Attempts;
pub(crate) use reload::Load;
pub use reload::Reload;
pub(crate) use swaps::{SwapState, Swaps, Tried};
