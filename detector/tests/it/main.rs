//! Tests of the detector against its published reference and against everything that may be wrong with a file.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

mod golden;
mod loading;
mod metadata;
mod network;
mod oracle;
mod outputs;
mod panorama;
mod shelves;
mod support;
mod tiles;
