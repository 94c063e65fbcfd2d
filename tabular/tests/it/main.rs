//! Integration tests.

mod bad_input;
mod boosters;
mod clean;
mod explain;
mod features;
mod forecast;
mod learners;
mod metrics;
mod read;
mod reference;
mod search;
mod split;
mod train;
mod xlsx;
