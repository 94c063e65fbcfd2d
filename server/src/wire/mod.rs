//! What clients send and get. Domain types know nothing of JSON; conversions stand here, one file each way.

pub mod answer;
pub mod looked;
pub mod parameters;
pub mod review;

pub(crate) mod annotated;
