//! Activations with gradients.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::kernel::{Isa, multiversion};
use super::storage::{Real, contiguous, is_ours, on_cpu, with_real};

/// Elements a thread takes at once.
const CHUNK: usize = 16 * 1024;

/// What follows a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
}

/// `activation(x)`, any shape. At the corners of ReLU and ReLU6 the gradient is zero; NaN stays NaN.
///
/// # Errors
/// When candle fails.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    if activation == Activation::Identity {
        return Ok(x.clone());
    }
    if is_ours(x) {
        return x.contiguous()?.apply_op1(Activate { activation, isa: Isa::best() });
    }
    match activation {
        Activation::Identity => Ok(x.clone()),
        Activation::Silu => x.silu(),
        Activation::Relu => x.relu(),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Sigmoid => candle_nn::ops::sigmoid(x),
    }
}

/// The operation.
pub(super) struct Activate {
    pub(super) activation: Activation,
    pub(super) isa: Isa,
}

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let storage = with_real!(candle_core::backend::BackendStorage::dtype(x), T => {
            let x = contiguous::<T>(x, layout)?;
            let mut y = vec![T::of(0.0); x.len()];
            y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
                y.copy_from_slice(x);
                T::affine_act(self.isa, (T::of(1.0), T::of(0.0)), self.activation, y);
            });
            T::storage(y)
        });
        Ok((storage, layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((super::cuda::pixels::activate(self.activation, (x, layout))?, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        #[cfg(feature = "cuda")]
        if super::storage::is_on_cuda(x) {
            return super::cuda::pixels::activate_gradient(self.activation, x, gradient).map(Some);
        }
        let gradient = gradient.contiguous()?;
        with_real!(x.dtype(), T => on_cpu(x, |x_storage, x_layout| on_cpu(&gradient, |g, g_layout| {
            let (values, g) = (contiguous::<T>(x_storage, x_layout)?, contiguous::<T>(g, g_layout)?);
            let mut result = vec![T::of(0.0); g.len()];
            result.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK).zip(g.par_chunks(CHUNK))).for_each(|(to, (x, g))| {
                to.copy_from_slice(g);
                T::act_gradient(self.isa, x, (T::of(1.0), T::of(0.0)), self.activation, to);
            });
            Tensor::from_vec(result, x_layout.shape(), &candle_core::Device::Cpu).map(Some)
        })))
    }
}

/// Loops over one run of numbers.
pub(super) trait Elementwise: Real {
    /// `values = activation(values * scale + shift)`
    fn affine_act(isa: Isa, affine: (Self, Self), activation: Activation, values: &mut [Self]);

    /// `gradient *= activation'(x * scale + shift)`
    fn act_gradient(isa: Isa, x: &[Self], affine: (Self, Self), activation: Activation, gradient: &mut [Self]);
}

impl Elementwise for f32 {
    fn affine_act(isa: Isa, affine: (Self, Self), activation: Activation, values: &mut [Self]) {
        affine_act_f32(isa, affine, activation, values);
    }

    fn act_gradient(isa: Isa, x: &[Self], affine: (Self, Self), activation: Activation, gradient: &mut [Self]) {
        act_gradient_f32(isa, x, affine, activation, gradient);
    }
}

impl Elementwise for f64 {
    fn affine_act(_: Isa, affine: (Self, Self), activation: Activation, values: &mut [Self]) {
        affine_act_body(affine, activation, values);
    }

    fn act_gradient(_: Isa, x: &[Self], affine: (Self, Self), activation: Activation, gradient: &mut [Self]) {
        act_gradient_body(x, affine, activation, gradient);
    }
}

multiversion! {
    fn affine_act_f32(affine: (f32, f32), activation: Activation, values: &mut [f32]) = affine_act_body
}

multiversion! {
    fn act_gradient_f32(x: &[f32], affine: (f32, f32), activation: Activation, gradient: &mut [f32]) = act_gradient_body
}

#[inline(always)]
fn affine_act_body<T: Real>((scale, shift): (T, T), activation: Activation, values: &mut [T]) {
    // One loop per activation: a choice inside would keep the loop out of vectors.
    macro_rules! each {
        ($function:expr) => {
            for value in values {
                *value = $function(*value * scale + shift);
            }
        };
    }
    match activation {
        Activation::Identity => each!(|x: T| x),
        Activation::Silu => each!(|x: T| x * x.sigmoid()),
        Activation::Relu => each!(relu),
        Activation::Relu6 => each!(relu6),
        Activation::Sigmoid => each!(|x: T| x.sigmoid()),
    }
}

#[inline(always)]
fn act_gradient_body<T: Real>(x: &[T], (scale, shift): (T, T), activation: Activation, gradient: &mut [T]) {
    macro_rules! each {
        ($slope:expr) => {
            for (gradient, &x) in gradient.iter_mut().zip(x) {
                *gradient = $slope(x * scale + shift, *gradient);
            }
        };
    }
    match activation {
        Activation::Identity => {}
        Activation::Silu => each!(silu_gradient),
        Activation::Relu => each!(|x: T, g| if x > T::of(0.0) { g } else { T::of(0.0) }),
        Activation::Relu6 => each!(relu6_gradient),
        Activation::Sigmoid => each!(|x: T, g: T| {
            let s = x.sigmoid();
            g * s * (T::of(1.0) - s)
        }),
    }
}

#[inline(always)]
fn silu_gradient<T: Real>(x: T, gradient: T) -> T {
    let s = x.sigmoid();
    gradient * s * (T::of(1.0) + x * (T::of(1.0) - s))
}

/// Comparisons with NaN are false, so that it stays.
#[inline(always)]
fn relu<T: Real>(x: T) -> T {
    if x < T::of(0.0) { T::of(0.0) } else { x }
}

#[inline(always)]
fn relu6<T: Real>(x: T) -> T {
    let x = relu(x);
    if x > T::of(6.0) { T::of(6.0) } else { x }
}

#[inline(always)]
fn relu6_gradient<T: Real>(x: T, gradient: T) -> T {
    let above = if x > T::of(0.0) { gradient } else { T::of(0.0) };
    if x < T::of(6.0) { above } else { T::of(0.0) }
}
