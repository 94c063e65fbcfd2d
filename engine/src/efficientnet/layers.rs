//! The layers EfficientNet is made of. For inference batch norms are folded into the
//! convolution before them when weights are loaded.

use candle_core::{CpuStorage, CustomOp2, D, DType, Layout, Result, Shape, Tensor, bail};
use candle_nn::{BatchNorm, BatchNormConfig, Init, ModuleT as _, VarBuilder};
use rayon::prelude::*;

use super::config::{Activation, Config, Padding};
use super::depthwise::{Pad, depthwise_conv2d};
use crate::simd::multiversion;

/// What a batch norm is loaded as.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Norms {
    /// Folded into the convolution before it: for inference only.
    #[default]
    Folded,
    /// As it is, with statistics that `forward_t(x, true)` learns: for training.
    Live {
        /// Weight of a batch's statistics in the running ones.
        momentum: f64,
    },
}

/// How a network is built.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// Which network.
    pub config: &'a Config,
    /// What its batch norms become.
    pub norms: Norms,
}

impl<'a> Build<'a> {
    /// For inference.
    #[must_use]
    pub fn folded(config: &'a Config) -> Self {
        Self { config, norms: Norms::Folded }
    }
}

/// A convolution's weights, and the batch norm after it.
///
/// Folded, `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`, per output channel (Jacob et
/// al. 2018, section 3.2). A file that has `<conv>.bias` instead of `<norm>.running_mean` was folded before.
#[derive(Debug, Clone)]
struct Kernel {
    weight: Tensor,
    norm: Norm,
}

#[derive(Debug, Clone)]
enum Norm {
    /// The bias that is left of it.
    Folded(Tensor),
    Live(BatchNorm),
}

impl Kernel {
    fn load(vb: &VarBuilder, (conv, norm): (&str, &str), shape: [usize; 4], build: Build<'_>) -> Result<Self> {
        let conv = vb.pp(conv);
        let channels = shape[0];
        if let Norms::Live { momentum } = build.norms {
            let eps = build.config.norm_epsilon;
            let config = BatchNormConfig { eps, momentum, remove_mean: true, affine: true };
            let weight = conv.get_with_hints(shape.as_slice(), "weight", initial(shape))?;
            return Ok(Self { weight, norm: Norm::Live(candle_nn::batch_norm(channels, config, vb.pp(norm))?) });
        }
        let weight = conv.get(shape.as_slice(), "weight")?;
        if conv.contains_tensor("bias") {
            return Ok(Self { weight, norm: Norm::Folded(conv.get(channels, "bias")?) });
        }
        let norm = vb.pp(norm);
        let [gamma, beta, mean, variance] = [
            norm.get(channels, "weight")?,
            norm.get(channels, "bias")?,
            norm.get(channels, "running_mean")?,
            norm.get(channels, "running_var")?,
        ];
        let scale = (gamma / (variance + build.config.norm_epsilon)?.sqrt()?)?;
        let bias = (beta - (mean * &scale)?)?;
        let weight = weight.broadcast_mul(&scale.reshape((channels, 1, 1, 1))?)?;
        Ok(Self { weight, norm: Norm::Folded(bias) })
    }

    /// What follows the convolution, whose result is `y`.
    fn finish(&self, y: &Tensor, activation: Option<Activation>, train: bool) -> Result<Tensor> {
        match &self.norm {
            Norm::Folded(bias) => bias_activation(y, bias, activation),
            Norm::Live(norm) => activate(norm.forward_t(y, train)?, activation),
        }
    }
}

/// Normal, of variance `2 / fan out` (He et al. 2015): what the published weights started from.
fn initial([output, input, height, width]: [usize; 4]) -> Init {
    // A depthwise kernel feeds one channel.
    let fan_out = if input == 1 { 1 } else { output } * height * width;
    Init::Randn { mean: 0.0, stdev: (2.0 / fan_out as f64).sqrt() }
}

/// A full convolution, batch norm, and maybe an activation: the stem.
#[derive(Debug, Clone)]
pub struct Conv {
    kernel: Kernel,
    stride: usize,
    padding: Padding,
    activation: Option<Activation>,
}

impl Conv {
    /// Loads `names` (convolution, batch norm) with weights of `shape` (out, in, k, k).
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(
        vb: &VarBuilder,
        names: (&str, &str),
        shape: [usize; 4],
        stride: usize,
        build: Build<'_>,
    ) -> Result<Self> {
        let Config { padding, activation, .. } = *build.config;
        Ok(Self { kernel: Kernel::load(vb, names, shape, build)?, stride, padding, activation: Some(activation) })
    }

    /// (N, C, H, W) -> (N, out, H / stride, W / stride)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let side = self.kernel.weight.dim(D::Minus1)?;
        let x = padding(self.padding, x, side, self.stride)?.apply(x)?;
        self.kernel.finish(&x.conv2d(&self.kernel.weight, 0, self.stride, 1, 1)?, self.activation, train)
    }
}

/// A depthwise convolution, batch norm and activation.
#[derive(Debug, Clone)]
pub struct DepthwiseConv {
    kernel: Kernel,
    stride: usize,
    padding: Padding,
    activation: Activation,
}

impl DepthwiseConv {
    /// Loads `names` (convolution, batch norm) with weights of `shape` (channels, 1, k, k).
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(
        vb: &VarBuilder,
        names: (&str, &str),
        shape: [usize; 4],
        stride: usize,
        build: Build<'_>,
    ) -> Result<Self> {
        let Config { padding, activation, .. } = *build.config;
        Ok(Self { kernel: Kernel::load(vb, names, shape, build)?, stride, padding, activation })
    }

    /// (N, C, H, W) -> (N, C, H / stride, W / stride)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let Kernel { weight, norm } = &self.kernel;
        let pad = padding(self.padding, x, weight.dim(D::Minus1)?, self.stride)?;
        let y = match norm {
            Norm::Folded(_) => depthwise_conv2d(x, weight, self.stride, pad)?,
            // Has a gradient.
            Norm::Live(_) => pad.apply(x)?.conv2d(weight, 0, self.stride, 1, x.dim(1)?)?,
        };
        self.kernel.finish(&y, Some(self.activation), train)
    }
}

/// A 1x1 convolution, batch norm, and maybe an activation: a matrix product per picture.
#[derive(Debug, Clone)]
pub struct Pointwise {
    kernel: Kernel,
    activation: Option<Activation>,
}

impl Pointwise {
    /// Loads `names` (convolution, batch norm) with weights of (`channels.1`, `channels.0`, 1, 1).
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(
        vb: &VarBuilder,
        names: (&str, &str),
        (input, output): (usize, usize),
        activation: Option<Activation>,
        build: Build<'_>,
    ) -> Result<Self> {
        let kernel = Kernel::load(vb, names, [output, input, 1, 1], build)?;
        Ok(Self { kernel, activation })
    }

    /// (N, C, H, W) -> (N, out, H, W)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let (outputs, ..) = self.kernel.weight.dims4()?;
        let weight = self.kernel.weight.reshape((outputs, channels))?;
        let y = weight.broadcast_matmul(&x.reshape((batch, channels, height * width))?)?;
        self.kernel.finish(&y.reshape((batch, outputs, height, width))?, self.activation, train)
    }
}

/// Weighs channels by what the whole picture shows (Hu et al. 2018): pool, 1x1, activation, 1x1, sigmoid, multiply.
#[derive(Debug, Clone)]
pub struct SqueezeExcite {
    reduce: (Tensor, Tensor),
    expand: (Tensor, Tensor),
    activation: Activation,
}

impl SqueezeExcite {
    /// Loads `conv_reduce` and `conv_expand`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, channels: usize, squeezed: usize, build: Build<'_>) -> Result<Self> {
        let layer = |name, input: usize, output: usize| {
            let vb = vb.pp(name);
            let shape = [output, input, 1, 1];
            let weight = match build.norms {
                Norms::Folded => vb.get(shape.as_slice(), "weight")?,
                Norms::Live { .. } => vb.get_with_hints(shape.as_slice(), "weight", initial(shape))?,
            };
            Ok::<_, candle_core::Error>((weight.reshape((output, input))?, vb.get(output, "bias")?))
        };
        let (reduce, expand) = (layer("conv_reduce", channels, squeezed)?, layer("conv_expand", squeezed, channels)?);
        Ok(Self { reduce, expand, activation: build.config.activation })
    }

    /// (N, C, H, W) -> (N, C, H, W)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, ..) = x.dims4()?;
        let pooled = pool(x)?;
        let squeezed = pooled.matmul(&self.reduce.0.t()?)?.broadcast_add(&self.reduce.1)?;
        let squeezed = activate(squeezed, Some(self.activation))?;
        let scale = squeezed.matmul(&self.expand.0.t()?)?.broadcast_add(&self.expand.1)?;
        x.broadcast_mul(&candle_nn::ops::sigmoid(&scale)?.reshape((batch, channels, 1, 1))?)
    }
}

/// Mean over the picture: (N, C, H, W) -> (N, C).
///
/// # Errors
/// When candle fails.
pub fn pool(x: &Tensor) -> Result<Tensor> {
    x.flatten_from(2)?.mean(D::Minus1)
}

/// The zeros that a kernel wants around `x` (N, C, H, W).
fn padding(padding: Padding, x: &Tensor, kernel: usize, stride: usize) -> Result<Pad> {
    let (_, _, height, width) = x.dims4()?;
    let side = |length: usize| match padding {
        Padding::Symmetric => ((kernel - 1) / 2, (kernel - 1) / 2),
        Padding::Same => {
            let total = ((length.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(length);
            (total / 2, total - total / 2)
        }
    };
    let ((top, bottom), (left, right)) = (side(height), side(width));
    Ok(Pad { top, bottom, left, right })
}

/// `activation(x + bias)` per channel of (N, C, H, W), in one pass over memory on a CPU.
///
/// # Errors
/// When candle fails.
fn bias_activation(x: &Tensor, bias: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
    if x.device().is_cpu() && x.dtype() == DType::F32 {
        return x.contiguous()?.apply_op2_no_bwd(&bias.contiguous()?, &BiasActivation(activation));
    }
    activate(x.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)?, activation)
}

fn activate(x: Tensor, activation: Option<Activation>) -> Result<Tensor> {
    match activation {
        None => Ok(x),
        Some(Activation::Swish) => x.silu(),
        Some(Activation::Relu6) => x.clamp(0.0, 6.0),
    }
}

struct BiasActivation(Option<Activation>);

impl CustomOp2 for BiasActivation {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let (CpuStorage::F32(x), CpuStorage::F32(bias)) = (x, bias) else {
            bail!("bias and activation take f32");
        };
        let (Some((x_start, x_end)), Some((bias_start, bias_end))) =
            (x_layout.contiguous_offsets(), bias_layout.contiguous_offsets())
        else {
            bail!("bias and activation take contiguous tensors");
        };
        let (x, bias, plane) = (&x[x_start..x_end], &bias[bias_start..bias_end], height * width);
        if bias.len() != channels {
            bail!("{} biases for {channels} channels", bias.len());
        }
        let mut result = vec![0.0; x.len()];
        if plane > 0 {
            result.par_chunks_mut(plane).zip(x.par_chunks(plane)).enumerate().for_each(|(at, (out, x))| {
                let bias = bias[at % channels];
                match self.0 {
                    None => add(x, bias, out),
                    Some(Activation::Relu6) => add_relu6(x, bias, out),
                    // Dominated by exp, which has no vector form here.
                    Some(Activation::Swish) => {
                        for (out, x) in out.iter_mut().zip(x) {
                            let x = x + bias;
                            *out = x / (1.0 + (-x).exp());
                        }
                    }
                }
            });
        }
        Ok((CpuStorage::F32(result), x_layout.shape().clone()))
    }
}

multiversion! {
    fn add(x: &[f32], bias: f32, out: &mut [f32]) = add_body { avx512: <>, avx2: <>, portable: <> }
}

multiversion! {
    fn add_relu6(x: &[f32], bias: f32, out: &mut [f32]) = add_relu6_body { avx512: <>, avx2: <>, portable: <> }
}

#[inline(always)]
fn add_body(x: &[f32], bias: f32, out: &mut [f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = x + bias;
    }
}

#[inline(always)]
fn add_relu6_body(x: &[f32], bias: f32, out: &mut [f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        // Not `clamp`, whose check of the bounds keeps the loop from being vectorised; and NaN stays NaN: a broken weight
        // must not look like a dark picture.
        let sum = x + bias;
        let floor = if sum < 0.0 { 0.0 } else { sum };
        *out = if floor > 6.0 { 6.0 } else { floor };
    }
}
