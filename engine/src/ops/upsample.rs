//! Nearest-neighbour upsampling with its gradient.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::storage::{contiguous, is_ours, on_cpu, with_real};
use crate::threads::on_threads;

/// Every pixel of (N, C, H, W) `factor x factor` times: (N, C, H * factor, W * factor).
///
/// # Errors
/// When the factor is zero, the tensor has not four axes, or candle fails.
pub fn upsample_nearest2d(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    match factor {
        0 => bail!("upsampling by zero"),
        1 => Ok(x.clone()),
        _ if is_ours(x) => x.contiguous()?.apply_op1(Upsample(factor)),
        // candle's own operation overwrites the gradient of an input that is used elsewhere as well.
        _ => {
            let x = x.reshape((n, c, h, 1, w, 1))?.broadcast_as((n, c, h, factor, w, factor))?;
            x.reshape((n, c, h * factor, w * factor))
        }
    }
}

struct Upsample(usize);

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "upsample-nearest2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((n, c, h, w), f) = (layout.shape().dims4()?, self.0);
        let storage = with_real!(candle_core::backend::BackendStorage::dtype(x), T => {
            use super::storage::Real;
            let x = contiguous::<T>(x, layout)?;
            let mut y = vec![T::of(0.0); x.len() * f * f];
            if !x.is_empty() {
                on_threads(|| y.par_chunks_mut(h * w * f * f).zip(x.par_chunks(h * w)).for_each(|(y, x)| {
                    for (rows, row) in y.chunks_exact_mut(w * f * f).zip(x.chunks_exact(w)) {
                        let (first, others) = rows.split_at_mut(w * f);
                        for (to, &from) in first.chunks_exact_mut(f).zip(row) {
                            to.fill(from);
                        }
                        others.chunks_exact_mut(w * f).for_each(|row| row.copy_from_slice(first));
                    }
                }));
            }
            T::storage(y)
        });
        Ok((storage, Shape::from((n, c, h * f, w * f))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        super::cuda::pixels::upsample(self.0, (x, layout))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if super::storage::is_on_cuda(x) {
            return super::cuda::pixels::upsample_gradient(self.0, x, gradient).map(Some);
        }
        let ((_, _, h, w), f, gradient) = (x.dims4()?, self.0, gradient.contiguous()?);
        with_real!(x.dtype(), T => on_cpu(&gradient, |g, layout| {
            use super::storage::Real;
            let g = contiguous::<T>(g, layout)?;
            let mut dx = vec![T::of(0.0); x.elem_count()];
            if !dx.is_empty() {
                on_threads(|| dx.par_chunks_mut(h * w).zip(g.par_chunks(h * w * f * f)).for_each(|(dx, g)| {
                    for (at, row) in g.chunks_exact(w * f).enumerate() {
                        let dx = &mut dx[at / f * w..][..w];
                        for (to, from) in dx.iter_mut().zip(row.chunks_exact(f)) {
                            from.iter().for_each(|&value| *to += value);
                        }
                    }
                }));
            }
            Tensor::from_vec(dx, x.shape(), &Device::Cpu).map(Some)
        }))
    }
}
