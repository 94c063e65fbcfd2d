//! Data-set tools on real folders.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

mod check;
mod convert;
mod crops;
mod hash;
mod readers;
mod shared;
mod split;
