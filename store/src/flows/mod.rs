//! Work by the calendar: a row for each flow and period. One holder at a time, by a lease; what failed is tried again, later and
//! later.

mod lease;
mod model;
mod run;

pub use lease::Leader;
pub use model::{Flow, FlowRun, FlowStatus};
pub use run::{Begun, HeldRun, RunLimits};
