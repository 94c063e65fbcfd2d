//! Operations of convolutional networks with gradients, over candle's tensors (N, C, H, W).
//!
//! candle's own are too slow to train with on a CPU, and some of its gradients are wrong (max-pool, nearest upsampling).
//! These are candle custom operations: they mix with all others and with `backward`.
//!
//! | function | on a CPU | on CUDA | elsewhere |
//! |---|---|---|---|
//! | [`conv2d`], [`conv2d_act`] | own, `f32` in vectors; `f64` plain, for finite differences | cuBLAS between own kernels; own with a filter per channel | candle's; grouped is slow |
//! | [`max_pool2d`] | own | own | composed for stride one with at most half a window of padding, else refused |
//! | [`upsample_nearest2d`] | own | own | reshape and broadcast, whose gradient is right |
//! | [`batch_norm`], [`batch_norm_act`], [`scale_shift_act`] | own, statistics and activation in few passes | own | composed of candle's |
//! | [`channel_means`], [`scale_channels`] | own | own | candle's |
//! | [`activate`] | own | own | candle's |
//!
//! On CUDA images may be `bf16` while filters, scales and statistics stay `f32`: mixed precision. Sums are taken in `f32`.
//!
//! Vector instructions (AVX-512, or AVX2 with FMA, or what the target always has) are chosen at run time. Work is spread over
//! [`crate::on_threads`]. Results do not depend on the number of threads, bit for bit: every sum is taken in an order that
//! follows from the shapes alone. On CUDA the same machine gives the same bits.
//!
//! Memory beyond results: a few megabytes of scratch per thread, kept from call to call; packed filters, as large as the
//! filters; for gradients of filters at most 16 MiB of partial sums, or one set when that is larger. On CUDA at most a gigabyte
//! of laid-out columns, or those of one image.

mod activation;
mod channels;
mod conv;
#[cfg(feature = "cuda")]
mod cuda;
mod dense;
mod depthwise;
mod kernel;
mod layer;
mod norm;
mod pool;
mod reference;
mod shape;
mod storage;
mod strip;
#[cfg(test)]
mod tests;
mod upsample;

use candle_core::{DType, Result, Tensor};

pub use activation::{Activation, activate};
pub use channels::{channel_means, scale_channels};
pub use conv::{conv2d, conv2d_act};
pub use layer::{BatchNorm, BatchNormConfig};
pub use norm::{batch_norm, batch_norm_act, scale_shift_act};
pub use pool::max_pool2d;
pub use shape::{Conv2d, Padding};
pub use upsample::upsample_nearest2d;

/// Half precision as `f32`, anything else as it is: for what mixed precision computes fully.
///
/// # Errors
/// When candle fails.
pub fn widen(x: &Tensor) -> Result<Tensor> {
    if matches!(x.dtype(), DType::BF16 | DType::F16) { x.to_dtype(DType::F32) } else { Ok(x.clone()) }
}
