//! Tests of what the classifier shows to the crates above it.

mod embedder;
mod enrol;
mod index;
mod model;
mod npy;
mod snapshot;
mod support;
mod vote;
