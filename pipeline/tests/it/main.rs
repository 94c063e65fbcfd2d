//! Integration tests of the pipeline.

mod config;
mod recognize;
