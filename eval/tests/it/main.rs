//! What the crate promises, against published definitions, reference software and hand-computed examples.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's allowance covers test functions alone; their helpers may panic just as well"
)]

mod counts;
mod detection;
mod formats;
mod gates;
mod identification;
mod intervals;
mod oracles;
mod properties;
mod pycocotools;
mod readers;
mod report;
mod robustness;
mod support;
