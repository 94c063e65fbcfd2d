//! The engines against numbers made by others. `tests/fixtures/make.py` made networks and numbers.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod efficientnet;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod parity;
#[cfg(test)]
#[cfg(feature = "ort")]
mod real;
#[cfg(test)]
#[cfg(feature = "ort")]
mod runtime;
#[cfg(feature = "ort")]
mod stack;
#[cfg(test)]
mod support;
#[cfg(test)]
mod torch;
#[cfg(test)]
mod train;
#[cfg(test)]
mod weights;
#[cfg(test)]
#[cfg(feature = "ort")]
mod written;
