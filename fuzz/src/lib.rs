//! Floor 5: broken files for every reader that meets bytes from outside.
//!
//! A run is a sequence of mutated inputs, the same for a seed; what a reader has not answered before is kept and mutated
//! on. An input fails that panics, takes longer or more memory than its target allows, or makes the server answer 500.
//! [`Target::run`] takes bytes alone, so that `fuzz_target!(|data: &[u8]| { (fuzz::target("png").run)(data); })` hands it to
//! cargo-fuzz where a nightly compiler is at hand; this crate needs none.
//!
//! | module | what |
//! |---|---|
//! | [`targets`] | the readers, and what their files look like |
//! | [`corpus`] | inputs that are kept: one folder a target |
//! | [`mutate`] | one input into another |
//! | [`judge`] | one input, one verdict |
//! | [`memory`] | what was allocated meanwhile |
//! | [`run`](mod@run) | until the time is over |

pub mod corpus;
pub mod judge;
pub mod memory;
pub mod mutate;
pub mod run;
pub mod targets;

pub use targets::{Answer, TARGETS, Target, target};
