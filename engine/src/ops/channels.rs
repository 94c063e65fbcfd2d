//! Means of channels and scaling by channel: what squeeze-and-excitation and pooled heads are made of.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, D, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::kernel::Isa;
use super::norm::Loops;
use super::storage::{contiguous, is_ours, on_cpu, planar, planes, with_real};
use crate::threads::on_threads;

/// The mean of every channel: (N, C, H, W) -> (N, C).
///
/// # Errors
/// When there are no pixels or candle fails.
pub fn channel_means(x: &Tensor) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if h * w == 0 {
        bail!("the mean of images of {h}x{w} pixels");
    }
    if is_ours(x) { planar(x)?.apply_op1(Means) } else { x.flatten_from(2)?.mean(D::Minus1) }
}

/// Every channel of (N, C, H, W) times its number in `scale` (N, C).
///
/// # Errors
/// When shapes do not fit or candle fails.
pub fn scale_channels(x: &Tensor, scale: &Tensor) -> Result<Tensor> {
    let (n, c, _, _) = x.dims4()?;
    if scale.dims() != [n, c] {
        bail!("scales of {:?} for {n} images of {c} channels", scale.dims());
    }
    if is_ours(x) {
        return planar(x)?.apply_op2(&scale.contiguous()?, Scale);
    }
    x.broadcast_mul(&scale.reshape((n, c, 1, 1))?)
}

struct Means;

impl CustomOp1 for Means {
    fn name(&self) -> &'static str {
        "channel-means"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let storage = with_real!(candle_core::backend::BackendStorage::dtype(x), T => {
            use super::storage::Real;
            let x = planes::<T>(x, layout)?;
            let mut y = vec![T::of(0.0); n * c];
            on_threads(|| y.par_iter_mut().enumerate().for_each(|(at, y)| {
                let plane = &x.data[at / c * x.image_stride + at % c * h * w..][..h * w];
                *y = T::of(T::sum_all(Isa::best(), plane) / plane.len() as f64);
            }));
            T::storage(y)
        });
        Ok((storage, (n, c).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        super::cuda::pixels::channel_means((x, layout))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if super::storage::is_on_cuda(x) {
            return super::cuda::pixels::channel_means_gradient(x, gradient).map(Some);
        }
        let ((_, _, h, w), gradient) = (x.dims4()?, gradient.contiguous()?);
        with_real!(x.dtype(), T => on_cpu(&gradient, |g, layout| {
            use super::storage::Real;
            let (g, scale) = (contiguous::<T>(g, layout)?, T::of(1.0 / (h * w) as f64));
            let mut dx = vec![T::of(0.0); x.elem_count()];
            on_threads(|| dx.par_chunks_mut(h * w).zip(g.par_iter()).for_each(|(dx, &g)| dx.fill(g * scale)));
            Tensor::from_vec(dx, x.shape(), &Device::Cpu).map(Some)
        }))
    }
}

struct Scale;

impl CustomOp2 for Scale {
    fn name(&self) -> &'static str {
        "scale-channels"
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout, s: &CpuStorage, sl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = xl.shape().dims4()?;
        let storage = with_real!(candle_core::backend::BackendStorage::dtype(x), T => {
            use super::storage::Real;
            let (x, s) = (planes::<T>(x, xl)?, contiguous::<T>(s, sl)?);
            let mut y = vec![T::of(0.0); n * c * h * w];
            if !y.is_empty() {
                on_threads(|| y.par_chunks_mut(h * w).enumerate().for_each(|(at, y)| {
                    let plane = &x.data[at / c * x.image_stride + at % c * h * w..][..h * w];
                    y.iter_mut().zip(plane).for_each(|(y, &x)| *y = x * s[at]);
                }));
            }
            T::storage(y)
        });
        Ok((storage, xl.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, xl: &Layout, s: &CudaStorage, sl: &Layout) -> Result<(CudaStorage, Shape)> {
        super::cuda::pixels::scale_channels((x, xl), (s, sl))
    }

    fn bwd(&self, x: &Tensor, s: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        #[cfg(feature = "cuda")]
        if super::storage::is_on_cuda(x) {
            let (dx, ds) = super::cuda::pixels::scale_channels_gradient(x, s, gradient)?;
            return Ok((Some(dx), Some(ds)));
        }
        let ((n, c, h, w), gradient) = (x.dims4()?, gradient.contiguous()?);
        with_real!(x.dtype(), T => on_cpu(x, |xs, xl| on_cpu(s, |ss, sl| on_cpu(&gradient, |gs, gl| {
            use super::storage::Real;
            let (x, s, g) = (planes::<T>(xs, xl)?, contiguous::<T>(ss, sl)?, contiguous::<T>(gs, gl)?);
            let mut dx = vec![T::of(0.0); g.len()];
            let mut ds = vec![T::of(0.0); n * c];
            if !dx.is_empty() {
                let planes = dx.par_chunks_mut(h * w).zip(g.par_chunks(h * w)).zip(ds.par_iter_mut()).enumerate();
                on_threads(|| planes.for_each(|(at, ((dx, g), ds))| {
                    let x = &x.data[at / c * x.image_stride + at % c * h * w..][..h * w];
                    dx.iter_mut().zip(g).for_each(|(dx, &g)| *dx = g * s[at]);
                    *ds = T::of(T::dot(Isa::best(), x, g));
                }));
            }
            let dx = Tensor::from_vec(dx, (n, c, h, w), &Device::Cpu)?;
            Ok((Some(dx), Some(Tensor::from_vec(ds, (n, c), &Device::Cpu)?)))
        }))))
    }
}
