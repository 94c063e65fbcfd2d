//! The detector's trainer, and its export.

mod backbone;
mod config;
mod data;
mod export;
mod fit;
mod loss;
