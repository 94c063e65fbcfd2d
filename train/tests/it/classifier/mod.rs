//! The embedder's trainer, and its export.

mod config;
mod data;
mod fit;
mod heads;
mod sampler;
