//! Tests of what the classifier shows to the crates above it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

mod calibration;
mod embedder;
mod enrol;
mod index;
mod merge;
mod model;
mod npy;
mod prototypes;
mod reembed;
mod snapshot;
mod support;
mod suspects;
mod thumbnails;
mod vote;
