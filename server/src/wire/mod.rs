//! What clients send and get. Domain types know nothing of JSON; conversions stand here, one file each way.

pub mod answer;
pub mod parameters;
pub mod review;
pub mod trace;

pub(crate) mod annotated;
