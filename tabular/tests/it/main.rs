//! Integration tests.

mod bad_input;
mod clean;
mod features;
mod learners;
mod metrics;
mod read;
mod reference;
mod search;
mod split;
mod train;
