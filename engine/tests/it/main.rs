//! The engines against numbers made by others. `tests/fixtures/make.py` made networks and numbers.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, too; clippy's allowance covers only the test functions"
)]

mod broken;
mod c_array;
mod convert;
mod efficientnet;
#[path = "../shared/interpreter.rs"]
mod interpreter;
mod ops;
mod parity;
mod readers;
#[cfg(feature = "ort")]
mod real;
#[cfg(feature = "ort")]
mod runtime;
#[cfg(feature = "ort")]
mod stack;
mod support;
mod tflite;
mod torch;
mod weights;
#[cfg(feature = "ort")]
mod written;
