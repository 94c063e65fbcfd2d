//! Depthwise convolution: each channel has a kernel of its own.
//!
//! candle runs a grouped convolution as one convolution per group, 28 to 64 times slower than PyTorch. On a CPU this one
//! goes straight over the picture; elsewhere candle's own is used. Forward only: training needs a backward pass.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::simd::{multiply_add, multiversion};

/// Zeros around a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pad {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns before.
    pub left: usize,
    /// Columns after.
    pub right: usize,
}

impl Pad {
    /// `tensor` (N, C, H, W) with these zeros around it.
    ///
    /// # Errors
    /// When candle fails.
    pub fn apply(self, tensor: &Tensor) -> Result<Tensor> {
        tensor.pad_with_zeros(2, self.top, self.bottom)?.pad_with_zeros(3, self.left, self.right)
    }
}

/// `y[n, c, i, j] = sum over u, v of x[n, c, i * stride + u - top, j * stride + v - left] * weight[c, 0, u, v]`, with zeros
/// outside `x` (N, C, H, W); `weight` is (C, 1, K, L).
///
/// # Errors
/// When the shapes do not fit each other or candle fails.
pub fn depthwise_conv2d(x: &Tensor, weight: &Tensor, stride: usize, pad: Pad) -> Result<Tensor> {
    let op = Depthwise { stride, pad };
    op.geometry(x.shape(), weight.shape())?;
    if x.device().is_cpu() && x.dtype() == DType::F32 {
        return x.contiguous()?.apply_op2_no_bwd(&weight.contiguous()?, &op);
    }
    let channels = x.dim(1)?;
    pad.apply(x)?.conv2d(weight, 0, stride, 1, channels)
}

struct Depthwise {
    stride: usize,
    pad: Pad,
}

/// All sizes of one convolution.
struct Geometry {
    batch: usize,
    channels: usize,
    height: usize,
    width: usize,
    kernel: (usize, usize),
    out: (usize, usize),
    stride: usize,
    pad: Pad,
}

impl Depthwise {
    fn geometry(&self, x: &Shape, weight: &Shape) -> Result<Geometry> {
        let (batch, channels, height, width) = x.dims4()?;
        let (filters, depth, k, l) = weight.dims4()?;
        if filters != channels || depth != 1 {
            bail!("depthwise convolution of {channels} channels needs weights ({channels}, 1, K, L), not {weight:?}");
        }
        if self.stride == 0 {
            bail!("depthwise convolution needs a stride of one at least");
        }
        let (rows, columns) = (height + self.pad.top + self.pad.bottom, width + self.pad.left + self.pad.right);
        if k == 0 || l == 0 || rows < k || columns < l {
            bail!("depthwise convolution with a {k}x{l} kernel over {rows}x{columns} padded pixels");
        }
        let out = ((rows - k) / self.stride + 1, (columns - l) / self.stride + 1);
        Ok(Geometry { batch, channels, height, width, kernel: (k, l), out, stride: self.stride, pad: self.pad })
    }
}

impl CustomOp2 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = self.geometry(x_layout.shape(), w_layout.shape())?;
        let (CpuStorage::F32(x), CpuStorage::F32(w)) = (x, w) else {
            bail!("depthwise convolution takes f32");
        };
        let (Some((x_start, x_end)), Some((w_start, w_end))) =
            (x_layout.contiguous_offsets(), w_layout.contiguous_offsets())
        else {
            bail!("depthwise convolution takes contiguous tensors");
        };
        let result = geometry.run(&x[x_start..x_end], &w[w_start..w_end]);
        let (rows, columns) = geometry.out;
        Ok((CpuStorage::F32(result), Shape::from((geometry.batch, geometry.channels, rows, columns))))
    }
}

/// Results are computed so many at a time, in registers. Buffers are this much longer than needed, so that the last run
/// may pass the end.
const RUN: usize = 64;

/// One weight, and where in the buffer of [`Geometry::split`] its products begin.
#[derive(Clone, Copy)]
struct Tap {
    offset: usize,
    weight: f32,
}

impl Geometry {
    fn run(&self, x: &[f32], weights: &[f32]) -> Vec<f32> {
        let (plane, kernel, out) = (self.height * self.width, self.kernel.0 * self.kernel.1, self.out.0 * self.out.1);
        let mut result = vec![0.0; self.batch * self.channels * out];
        if plane == 0 {
            return result;
        }
        result.par_chunks_mut(out).enumerate().for_each_init(Buffers::default, |buffers, (at, out)| {
            let weights = &weights[at % self.channels * kernel..][..kernel];
            self.plane(&x[at * plane..][..plane], weights, buffers, out);
        });
        result
    }

    /// One channel of one picture. The padded plane is split into stride x stride interleaved ones: among those, every tap
    /// is a constant offset, and all results of the plane are one long run over contiguous numbers, whatever the width.
    fn plane(&self, x: &[f32], weights: &[f32], buffers: &mut Buffers, out: &mut [f32]) {
        let (split_rows, split_columns) = self.split_size();
        self.split(x, &mut buffers.split);
        let (rows, columns) = self.out;
        let length = (rows - 1) * split_columns + columns;
        let split_plane = split_rows * split_columns;
        buffers.taps.clear();
        for (at, &weight) in weights.iter().enumerate() {
            let (u, v) = (at / self.kernel.1, at % self.kernel.1);
            let plane = u % self.stride * self.stride + v % self.stride;
            let offset = plane * split_plane + u / self.stride * split_columns + v / self.stride;
            buffers.taps.push(Tap { offset, weight });
        }
        buffers.sums.resize(length.next_multiple_of(RUN), 0.0);
        accumulate(&buffers.split, &buffers.taps, &mut buffers.sums);
        // Between the rows lie results that straddle two rows of the picture; they are left behind.
        for (row, out) in out.chunks_exact_mut(columns).enumerate() {
            out.copy_from_slice(&buffers.sums[row * split_columns..][..columns]);
        }
    }

    /// Rows and columns of an interleaved plane.
    fn split_size(&self) -> (usize, usize) {
        let rows = self.height + self.pad.top + self.pad.bottom;
        let columns = self.width + self.pad.left + self.pad.right;
        (rows.div_ceil(self.stride), columns.div_ceil(self.stride))
    }

    /// Plane `(p, q)` holds the padded pixels of rows `p, p + stride, ...` and columns `q, q + stride, ...`.
    fn split(&self, x: &[f32], split: &mut Vec<f32>) {
        let (split_rows, split_columns) = self.split_size();
        let (stride, pad) = (self.stride, self.pad);
        split.clear();
        split.resize(stride * stride * split_rows * split_columns + RUN, 0.0);
        for (y, row) in x.chunks_exact(self.width).enumerate() {
            let padded_y = y + pad.top;
            let first = padded_y % stride * stride * split_rows * split_columns + padded_y / stride * split_columns;
            if stride == 1 {
                split[first + pad.left..][..self.width].copy_from_slice(row);
                continue;
            }
            for q in 0..stride {
                // The first column x of the picture with (x + left) % stride == q.
                let start = (q + stride - pad.left % stride) % stride;
                let target = first + q * split_rows * split_columns + (start + pad.left) / stride;
                for (to, from) in split[target..].iter_mut().zip(row.iter().skip(start).step_by(stride)) {
                    *to = *from;
                }
            }
        }
    }
}

/// Memory that a thread uses for one plane after the other.
#[derive(Default)]
struct Buffers {
    split: Vec<f32>,
    sums: Vec<f32>,
    taps: Vec<Tap>,
}

multiversion! {
    /// `sums[i] = sum over taps of weight * values[offset + i]`; as many sums as a multiple of [`RUN`].
    fn accumulate(values: &[f32], taps: &[Tap], sums: &mut [f32]) = accumulate_body {
        avx512: <true, 64>,
        avx2: <true, 32>,
        portable: <false, 16>,
    }
}

#[inline(always)]
fn accumulate_body<const FUSED: bool, const LANES: usize>(values: &[f32], taps: &[Tap], sums: &mut [f32]) {
    for (run, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut lanes = [0.0_f32; LANES];
        for tap in taps {
            let from: &[f32; LANES] =
                values[run * LANES + tap.offset..][..LANES].try_into().expect("a slice of LANES values");
            for (sum, value) in lanes.iter_mut().zip(from) {
                *sum = multiply_add::<FUSED>(tap.weight, *value, *sum);
            }
        }
        *sums = lanes;
    }
}
