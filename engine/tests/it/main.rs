//! The engines against numbers made by others. `tests/fixtures/make.py` made networks and numbers.

mod broken;
mod efficientnet;
mod ops;
mod parity;
#[cfg(feature = "ort")]
mod real;
#[cfg(feature = "ort")]
mod runtime;
#[cfg(feature = "ort")]
mod stack;
mod support;
mod torch;
mod train;
mod weights;
#[cfg(feature = "ort")]
mod written;
