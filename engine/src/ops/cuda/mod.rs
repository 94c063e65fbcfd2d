//! The operations on CUDA: launching kernels of `kernels.cu`, and what is put together from them.
//!
//! | file | what |
//! |---|---|
//! | `kernels.cu` | the kernels, compiled to PTX by `build.rs` |
//! | `launch` | from candle's memory to a kernel and back |
//! | `conv` | convolution and its gradients: im2col around cuBLAS, direct where each channel has its own filter |
//! | `norm` | batch normalisation and its gradients |
//! | `pixels` | pools, upsampling, activations, channels |
//!
//! Tensors hold `f32`, `f64` or `bf16`; sums are taken in `f32`, or `f64` for `f64`. No atomics: the same bits each time.

pub(super) mod conv;
mod launch;
pub(super) mod norm;
pub(super) mod pixels;

use launch::{Input, Kernel, Scalar, compute};
