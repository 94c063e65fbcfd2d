//! Batch normalisation, of a batch and with known statistics, with the activation after it and with gradients.
//!
//! Both are `activation(x * scale + shift)` per channel. Only `x` is kept for the gradient: what lies between is computed
//! again, which is cheaper than another pass over memory.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::activation::{Activation, Elementwise, activate};
use super::kernel::{Isa, multiversion};
use super::storage::{Real, Shared, contiguous, is_ours, on_cpu, planar, planes, with_real};
use super::strip::Planes;
use crate::threads::on_threads;

/// Numbers whose statistics are taken while they lie in the cache.
const CHUNK: usize = 4096;

/// Batch normalisation for training (Ioffe and Szegedy 2015): over N, H and W of `x` (N, C, H, W),
/// `y = gamma * (x - mean) / sqrt(var + eps) + beta`.
///
/// Returns `y`, the batch's mean (C) and its biased variance (C); the last two carry no gradient: they are for running
/// statistics. Of images of `bf16` they are `f32`, and so may gamma and beta be.
///
/// # Errors
/// When shapes do not fit, a channel has no pixels, or candle fails.
pub fn batch_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<(Tensor, Tensor, Tensor)> {
    batch_norm_act(x, gamma, beta, eps, Activation::Identity)
}

/// [`batch_norm`], then the activation, in the same pass.
///
/// # Errors
/// As [`batch_norm`].
pub fn batch_norm_act(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<(Tensor, Tensor, Tensor)> {
    let channels = check(x, gamma, beta)?;
    if x.elem_count() == 0 {
        bail!("batch normalisation of {:?}: there is nothing to take the mean of", x.shape());
    }
    #[cfg(feature = "cuda")]
    if super::storage::is_on_cuda(x) && is_ours(x) {
        let (mean, variance) = super::cuda::norm::moments(x)?;
        let y = super::cuda::norm::normalise(x, (gamma, beta), (&mean, &variance), eps, activation)?;
        return Ok((y, mean, variance));
    }
    if !is_ours(x) {
        let (holds, x) = (x.dtype(), x.to_dtype(gamma.dtype())?);
        let mean = x.mean_keepdim((0, 2, 3))?;
        let centred = x.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim((0, 2, 3))?;
        let unit = centred.broadcast_div(&(&variance + eps)?.sqrt()?)?;
        let y = unit.broadcast_mul(&gamma.reshape((1, (), 1, 1))?)?.broadcast_add(&beta.reshape((1, (), 1, 1))?)?;
        let flat = |t: &Tensor| t.detach().flatten_all();
        return Ok((activate(&y, activation)?.to_dtype(holds)?, flat(&mean)?, flat(&variance)?));
    }
    let (x, isa) = (planar(x)?, Isa::best());
    let (_, _, h, w) = x.dims4()?;
    let moments = with_real!(x.dtype(), T => on_cpu(&x, |storage, layout| {
        let x = planes::<T>(storage, layout)?;
        let batch = layout.dims()[0];
        Ok(on_threads(|| (0..channels).into_par_iter().map(|c| moments(isa, x, batch, c, h * w)).collect::<Vec<_>>()))
    }))?;
    let vector =
        |value: fn(&Moments) -> f64| Tensor::from_iter(moments.iter().map(value), &Device::Cpu)?.to_dtype(x.dtype());
    let (mean, variance) = (vector(|m| m.mean)?, vector(|m| m.variance)?);
    let inverse = moments.iter().map(|m| 1.0 / (m.variance + eps).sqrt()).collect();
    let statistics = Statistics { mean: moments.iter().map(|m| m.mean).collect(), inverse };
    let op = Normalise { statistics: Some(statistics), activation, isa };
    Ok((x.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, op)?, mean, variance))
}

/// `activation(x * scale + shift)` per channel of (N, C, H, W): batch normalisation with known statistics is
/// `scale = gamma / sqrt(var + eps)`, `shift = beta - mean * scale`.
///
/// # Errors
/// When shapes do not fit or candle fails.
pub fn scale_shift_act(x: &Tensor, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Tensor> {
    check(x, scale, shift)?;
    #[cfg(feature = "cuda")]
    if super::storage::is_on_cuda(x) && is_ours(x) {
        return super::cuda::norm::scale_shift(x, scale, shift, activation);
    }
    if is_ours(x) {
        let op = Normalise { statistics: None, activation, isa: Isa::best() };
        return planar(x)?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, op);
    }
    let (holds, x) = (x.dtype(), x.to_dtype(scale.dtype())?);
    let y = x.broadcast_mul(&scale.reshape((1, (), 1, 1))?)?.broadcast_add(&shift.reshape((1, (), 1, 1))?)?;
    activate(&y, activation)?.to_dtype(holds)
}

fn check(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Result<usize> {
    let (_, channels, _, _) = x.dims4()?;
    if gamma.dims() != [channels] || beta.dims() != [channels] {
        bail!("{:?} scales and {:?} shifts for {channels} channels", gamma.dims(), beta.dims());
    }
    Ok(channels)
}

struct Moments {
    mean: f64,
    variance: f64,
}

/// Mean and biased variance of a channel: by chunks, which are then put together (Chan et al. 1979), so that nothing
/// cancels.
fn moments<T: Loops>(isa: Isa, x: Planes<'_, T>, batch: usize, channel: usize, plane: usize) -> Moments {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for image in 0..batch {
        for chunk in x.data[image * x.image_stride + channel * plane..][..plane].chunks(CHUNK) {
            let size = chunk.len() as f64;
            let own = T::sum(isa, chunk) / size;
            let delta = own - mean;
            let total = count + size;
            squares += T::squares(isa, chunk, own) + delta * delta * count * size / total;
            mean += delta * size / total;
            count = total;
        }
    }
    Moments { mean, variance: squares / count }
}

/// The sum of every channel of contiguous images.
pub(super) fn channel_sums(isa: Isa, images: &[f32], [batch, channels, plane]: [usize; 3]) -> Vec<f32> {
    let sum = |image: usize, channel: usize| {
        let values = &images[(image * channels + channel) * plane..][..plane];
        f32::sum_all(isa, values)
    };
    let channel = |channel| (0..batch).map(|image| sum(image, channel)).sum::<f64>() as f32;
    (0..channels).into_par_iter().map(channel).collect()
}

/// Per channel.
struct Statistics {
    mean: Vec<f64>,
    /// `1 / sqrt(var + eps)`
    inverse: Vec<f64>,
}

/// With the statistics of the batch, or, without, plain scale and shift.
struct Normalise {
    statistics: Option<Statistics>,
    activation: Activation,
    isa: Isa,
}

impl Normalise {
    fn affine<T: Real>(&self, gamma: T, beta: T, channel: usize) -> (T, T) {
        let Some(s) = &self.statistics else { return (gamma, beta) };
        let scale = gamma.to_f64() * s.inverse[channel];
        (T::of(scale), T::of(beta.to_f64() - s.mean[channel] * scale))
    }

    fn forward<T: Loops>(&self, x: Planes<'_, T>, gamma: &[T], beta: &[T], dims: [usize; 4]) -> Vec<T> {
        let [n, c, h, w] = dims;
        let plane = h * w;
        let mut y = vec![T::of(0.0); n * c * plane];
        if y.is_empty() {
            return y;
        }
        y.par_chunks_mut(plane).enumerate().for_each(|(at, y)| {
            let (image, channel) = (at / c, at % c);
            let affine = self.affine(gamma[channel], beta[channel], channel);
            let x = &x.data[image * x.image_stride + channel * plane..][..plane];
            for (y, x) in y.chunks_mut(CHUNK).zip(x.chunks(CHUNK)) {
                y.copy_from_slice(x);
                T::affine_act(self.isa, affine, self.activation, y);
            }
        });
        y
    }

    /// Gradients of x, gamma and beta. With `d` the gradient before the activation and `u = (x - mean) * inverse`:
    /// `dbeta = sum d`, `dgamma = sum d u`, `dx = gamma * inverse * (d - dbeta / n - u * dgamma / n)`.
    fn gradients<T: Loops>(
        &self,
        (x, gradient): (Planes<'_, T>, &[T]),
        gamma: &[T],
        beta: &[T],
        dims: [usize; 4],
    ) -> (Vec<T>, Vec<T>, Vec<T>) {
        let [n, c, h, w] = dims;
        let plane = h * w;
        let mut dx = vec![T::of(0.0); n * c * plane];
        let at = |image: usize, channel: usize| image * c * plane + channel * plane;
        let out = Shared::new(&mut dx);
        let sums: Vec<(T, T)> = (0..c)
            .into_par_iter()
            .map(|channel| {
                let affine = self.affine(gamma[channel], beta[channel], channel);
                let centre = self.statistics.as_ref().map_or(0.0, |s| s.mean[channel]);
                let (mut dbeta, mut dgamma) = (0.0, 0.0);
                // SAFETY: the planes of this channel belong to this task alone, and lie within `dx`.
                let plane_of = |image: usize| unsafe { out.slice(at(image, channel), plane) };
                for image in 0..n {
                    let x = &x.data[image * x.image_stride + channel * plane..][..plane];
                    let (g, d) = (&gradient[at(image, channel)..][..plane], plane_of(image));
                    for ((x, g), d) in x.chunks(CHUNK).zip(g.chunks(CHUNK)).zip(d.chunks_mut(CHUNK)) {
                        d.copy_from_slice(g);
                        T::act_gradient(self.isa, x, affine, self.activation, d);
                        dbeta += T::sum(self.isa, d);
                        dgamma += T::products(self.isa, x, d, centre);
                    }
                }
                let (by_d, by_x, constant) = match &self.statistics {
                    None => (gamma[channel].to_f64(), 0.0, 0.0),
                    Some(s) => {
                        let (count, inverse) = ((n * plane) as f64, s.inverse[channel]);
                        dgamma *= inverse;
                        let scale = gamma[channel].to_f64() * inverse;
                        let by_x = -scale * inverse * dgamma / count;
                        (scale, by_x, -scale * dbeta / count - by_x * s.mean[channel])
                    }
                };
                for image in 0..n {
                    let x = &x.data[image * x.image_stride + channel * plane..][..plane];
                    T::combine(self.isa, plane_of(image), x, [by_d, by_x, constant].map(T::of));
                }
                (T::of(dgamma), T::of(dbeta))
            })
            .collect();
        let (dgamma, dbeta) = sums.into_iter().unzip();
        (dx, dgamma, dbeta)
    }
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        gamma: &CpuStorage,
        gl: &Layout,
        beta: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = xl.shape().dims4()?;
        let storage = with_real!(candle_core::backend::BackendStorage::dtype(x), T => {
            let (x, gamma, beta) = (planes::<T>(x, xl)?, contiguous::<T>(gamma, gl)?, contiguous::<T>(beta, bl)?);
            T::storage(on_threads(|| self.forward(x, gamma, beta, [n, c, h, w])))
        });
        Ok((storage, xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (gradient, (n, c, h, w)) = (gradient.contiguous()?, x.dims4()?);
        let (dx, dgamma, dbeta) = with_real!(x.dtype(), T => on_cpu(x, |xs, xl| on_cpu(gamma, |gs, gl| {
            on_cpu(beta, |bs, bl| on_cpu(&gradient, |ds, dl| {
                let (x, d) = (planes::<T>(xs, xl)?, contiguous::<T>(ds, dl)?);
                let (gamma, beta) = (contiguous::<T>(gs, gl)?, contiguous::<T>(bs, bl)?);
                let (dx, dgamma, dbeta) = on_threads(|| self.gradients((x, d), gamma, beta, [n, c, h, w]));
                let vector = |values| Tensor::from_vec(values, c, &Device::Cpu);
                Ok((Tensor::from_vec(dx, (n, c, h, w), &Device::Cpu)?, vector(dgamma)?, vector(dbeta)?))
            }))
        })))?;
        Ok((Some(dx), Some(dgamma), Some(dbeta)))
    }
}

/// Sums over one run of numbers, at most [`CHUNK`] of them where they are single precision.
pub(super) trait Loops: Elementwise {
    fn sum(isa: Isa, values: &[Self]) -> f64;
    /// `sum of (value - centre)^2`
    fn squares(isa: Isa, values: &[Self], centre: f64) -> f64;
    /// `sum of (x - centre) * d`
    fn products(isa: Isa, x: &[Self], d: &[Self], centre: f64) -> f64;
    /// The sum of however many numbers.
    fn sum_all(isa: Isa, values: &[Self]) -> f64 {
        values.chunks(CHUNK).map(|chunk| Self::sum(isa, chunk)).sum()
    }
    /// `sum of x * d`, of however many.
    fn dot(isa: Isa, x: &[Self], d: &[Self]) -> f64 {
        x.chunks(CHUNK).zip(d.chunks(CHUNK)).map(|(x, d)| Self::products(isa, x, d, 0.0)).sum()
    }
    /// `d = d * factors[0] + x * factors[1] + factors[2]`
    fn combine(isa: Isa, d: &mut [Self], x: &[Self], factors: [Self; 3]);
}

impl Loops for f32 {
    fn sum(isa: Isa, values: &[Self]) -> f64 {
        sum_f32(isa, values)
    }

    fn squares(isa: Isa, values: &[Self], centre: f64) -> f64 {
        products_f32(isa, values, None, centre as f32)
    }

    fn products(isa: Isa, x: &[Self], d: &[Self], centre: f64) -> f64 {
        products_f32(isa, x, Some(d), centre as f32)
    }

    fn combine(isa: Isa, d: &mut [Self], x: &[Self], factors: [Self; 3]) {
        combine_f32(isa, d, x, factors);
    }
}

impl Loops for f64 {
    fn sum(_: Isa, values: &[Self]) -> f64 {
        sum_body(values)
    }

    fn squares(_: Isa, values: &[Self], centre: f64) -> f64 {
        products_body(values, None, centre)
    }

    fn products(_: Isa, x: &[Self], d: &[Self], centre: f64) -> f64 {
        products_body(x, Some(d), centre)
    }

    fn combine(_: Isa, d: &mut [Self], x: &[Self], factors: [Self; 3]) {
        combine_body(d, x, factors);
    }
}

multiversion! {
    fn sum_f32(values: &[f32]) -> f64 = sum_body
}

multiversion! {
    fn products_f32(x: &[f32], d: Option<&[f32]>, centre: f32) -> f64 = products_body
}

multiversion! {
    fn combine_f32(d: &mut [f32], x: &[f32], factors: [f32; 3]) = combine_body
}

/// Lanes that sum for themselves.
const LANES: usize = 32;

#[inline(always)]
fn sum_body<T: Real>(values: &[T]) -> f64 {
    let mut lanes = [T::of(0.0); LANES];
    let (runs, rest) = values.as_chunks::<LANES>();
    for run in runs {
        for (lane, &value) in lanes.iter_mut().zip(run) {
            *lane += value;
        }
    }
    lanes.iter().chain(rest).map(|value| value.to_f64()).sum()
}

/// `sum of (x - centre) * d`; without `d`, of its square.
#[inline(always)]
fn products_body<T: Real>(x: &[T], d: Option<&[T]>, centre: T) -> f64 {
    let mut lanes = [T::of(0.0); LANES];
    let (runs, rest) = x.as_chunks::<LANES>();
    let mut total = 0.0;
    if let Some(d) = d {
        let (others, other_rest) = d.as_chunks::<LANES>();
        for (run, other) in runs.iter().zip(others) {
            for (lane, (&x, &d)) in lanes.iter_mut().zip(run.iter().zip(other)) {
                *lane += (x - centre) * d;
            }
        }
        total += rest.iter().zip(other_rest).map(|(&x, &d)| ((x - centre) * d).to_f64()).sum::<f64>();
    } else {
        for run in runs {
            for (lane, &x) in lanes.iter_mut().zip(run) {
                *lane += (x - centre) * (x - centre);
            }
        }
        total += rest.iter().map(|&x| ((x - centre) * (x - centre)).to_f64()).sum::<f64>();
    }
    total + lanes.iter().map(|lane| lane.to_f64()).sum::<f64>()
}

#[inline(always)]
fn combine_body<T: Real>(d: &mut [T], x: &[T], [by_d, by_x, constant]: [T; 3]) {
    for (d, &x) in d.iter_mut().zip(x) {
        *d = *d * by_d + x * by_x + constant;
    }
}
