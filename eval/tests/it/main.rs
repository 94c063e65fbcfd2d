//! What the crate promises, against published definitions, reference software and hand-computed examples.

mod counts;
mod detection;
mod formats;
mod gates;
mod identification;
mod intervals;
mod properties;
mod pycocotools;
mod report;
mod robustness;
mod support;
