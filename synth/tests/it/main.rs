//! Synthetic shelves, on disk and in memory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

mod shared;
mod synth;
