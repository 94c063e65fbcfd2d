//! From typed columns to the numbers that learners see, and back to the names of classes.

mod features;
mod target;

pub use features::{Feature, Preparation, PrepareError};
pub use target::{Classes, TargetError, class_target, value_target};
