//! Max-pooling with its gradient.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::shape::{Padding, out_size};
use super::storage::{Real, contiguous, is_ours, on_cpu, with_real};
use crate::threads::on_threads;

/// The largest value under a `kernel x kernel` window that moves by `stride`, as if -inf surrounded (N, C, H, W); NaN wins.
/// The gradient goes to the first of several largest values, row by row, as PyTorch has it.
///
/// On other devices than CPU and CUDA a stride of one with at most `(kernel - 1) / 2` pixels of padding works, composed of candle's
/// `maximum`, which shares the gradient among equal values.
///
/// # Errors
/// When the window does not fit, would see nothing but padding, or candle fails.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize, padding: Padding) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let out = out_size((h, w), (kernel, kernel), stride, padding)?;
    let widest = padding.top.max(padding.bottom).max(padding.left).max(padding.right);
    if widest >= kernel {
        bail!("a {kernel}x{kernel} window would see nothing but {widest} pixels of padding");
    }
    if is_ours(x) {
        return x.contiguous()?.apply_op1(MaxPool { kernel, stride, padding, out });
    }
    if stride != 1 || widest > (kernel - 1) / 2 {
        bail!("on this device max-pooling moves by one pixel and pads by half a window at most");
    }
    composed(x, kernel, padding)
}

pub(super) fn composed(x: &Tensor, kernel: usize, padding: Padding) -> Result<Tensor> {
    let rows = by_axis(x, 2, kernel, (padding.top, padding.bottom))?;
    by_axis(&rows, 3, kernel, (padding.left, padding.right))
}

/// The largest of `kernel` neighbours along an axis. The edge is repeated, which is the same as -inf as long as every window
/// that reaches over the edge holds it.
fn by_axis(x: &Tensor, axis: usize, kernel: usize, (before, after): (usize, usize)) -> Result<Tensor> {
    let padded = x.pad_with_same(axis, before, after)?;
    let length = padded.dim(axis)? + 1 - kernel;
    let first = padded.narrow(axis, 0, length)?;
    (1..kernel).try_fold(first, |max, at| max.maximum(&padded.narrow(axis, at, length)?))
}

struct MaxPool {
    kernel: usize,
    stride: usize,
    padding: Padding,
    out: (usize, usize),
}

impl MaxPool {
    /// As a convolution of one channel each would have it.
    #[cfg(feature = "cuda")]
    fn geometry(&self, x: &[usize]) -> Result<super::shape::Geometry> {
        let conv = super::Conv2d { stride: self.stride, padding: self.padding, groups: 1 };
        let &[_, channels, ..] = x else { bail!("pooling takes (N, C, H, W), not {x:?}") };
        super::shape::Geometry::new(x, &[channels, channels, self.kernel, self.kernel], conv)
    }

    /// The window's part of a side: first pixel and end.
    fn window(&self, at: usize, before: usize, size: usize) -> (usize, usize) {
        let start = (at * self.stride).saturating_sub(before);
        (start.min(size), (at * self.stride + self.kernel).saturating_sub(before).min(size))
    }

    /// Rows first, then columns: `2 k` comparisons per pixel instead of `k * k`.
    fn plane<T: Real>(&self, x: &[T], (h, w): (usize, usize), rows: &mut Vec<T>, y: &mut [T]) {
        rows.resize(w, T::of(0.0));
        for (i, y) in y.chunks_exact_mut(self.out.1).enumerate() {
            let (first, end) = self.window(i, self.padding.top, h);
            rows.copy_from_slice(&x[first * w..][..w]);
            for row in first + 1..end {
                for (max, &value) in rows.iter_mut().zip(&x[row * w..][..w]) {
                    *max = larger(*max, value);
                }
            }
            for (j, y) in y.iter_mut().enumerate() {
                let (first, end) = self.window(j, self.padding.left, w);
                *y = rows[first + 1..end].iter().fold(rows[first], |max, &value| larger(max, value));
            }
        }
    }

    fn plane_gradient<T: Real>(&self, x: &[T], (h, w): (usize, usize), gradient: &[T], dx: &mut [T]) {
        for (at, &gradient) in gradient.iter().enumerate() {
            let (top, bottom) = self.window(at / self.out.1, self.padding.top, h);
            let (left, right) = self.window(at % self.out.1, self.padding.left, w);
            let mut best = top * w + left;
            for row in top..bottom {
                for at in row * w + left..row * w + right {
                    if x[at] > x[best] || (is_nan(x[at]) && !is_nan(x[best])) {
                        best = at;
                    }
                }
            }
            dx[best] += gradient;
        }
    }
}

#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if b > a || is_nan(b) { b } else { a }
}

#[inline(always)]
#[expect(clippy::eq_op, reason = "only NaN differs from itself")]
fn is_nan<T: Real>(value: T) -> bool {
    value != value
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((n, c, h, w), (rows, columns)) = (layout.shape().dims4()?, self.out);
        let storage = with_real!(candle_core::backend::BackendStorage::dtype(x), T => {
            let x = contiguous::<T>(x, layout)?;
            let mut y = vec![T::of(0.0); n * c * rows * columns];
            if !y.is_empty() {
                on_threads(|| {
                    let planes = y.par_chunks_mut(rows * columns).zip(x.par_chunks(h * w));
                    planes.for_each_init(Vec::new, |buffer, (y, x)| self.plane(x, (h, w), buffer, y));
                });
            }
            T::storage(y)
        });
        Ok((storage, Shape::from((n, c, rows, columns))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        super::cuda::pixels::max_pool(&self.geometry(layout.dims())?, (x, layout))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if super::storage::is_on_cuda(x) {
            return super::cuda::pixels::max_pool_gradient(&self.geometry(x.dims())?, x, gradient).map(Some);
        }
        let ((_, _, h, w), (rows, columns), gradient) = (x.dims4()?, self.out, gradient.contiguous()?);
        with_real!(x.dtype(), T => on_cpu(x, |xs, xl| on_cpu(&gradient, |gs, gl| {
            let (values, g) = (contiguous::<T>(xs, xl)?, contiguous::<T>(gs, gl)?);
            let mut dx = vec![T::of(0.0); values.len()];
            if !g.is_empty() {
                on_threads(|| {
                    let planes = dx.par_chunks_mut(h * w).zip(values.par_chunks(h * w).zip(g.par_chunks(rows * columns)));
                    planes.for_each(|(dx, (x, g))| self.plane_gradient(x, (h, w), g, dx));
                });
            }
            Tensor::from_vec(dx, x.shape(), &Device::Cpu).map(Some)
        })))
    }
}
