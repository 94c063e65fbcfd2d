//! From weights to files that other tools run.

pub mod classifier;
pub mod detector;
pub mod parity;
pub mod tflite;
