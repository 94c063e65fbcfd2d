//! Integration tests of the pipeline.

mod config;
mod recognize;
mod review;
