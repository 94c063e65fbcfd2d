//! Two versions that answer beside each other, and which of them does better.
//!
//! | file | what |
//! |---|---|
//! | `model` | a test, and who gets which side of it |
//! | `run` | begun, found, ended |
//! | `answers` | what models of tables answered, and what turned out to be right |
//! | `standing` | how both sides do |
//!
//! A test ends by itself when one of its versions moves: what is promoted, rolled back, demoted or archived is no longer what was
//! compared.

mod answers;
mod model;
mod run;
mod standing;

pub use answers::{AbAnswer, Outcome};
pub use model::{AbMode, AbTest, Arm, NewAbTest};
pub(super) use run::end_of;
pub use standing::{AbDay, ArmStanding, Standing};
