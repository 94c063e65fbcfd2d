//! The layers EfficientNet is made of. Batch norms are folded into the convolution before them when weights are loaded.

use candle_core::{CpuStorage, CustomOp2, D, DType, Layout, Result, Shape, Tensor, bail};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::config::{Activation, Config, Padding};
use super::depthwise::{Pad, depthwise_conv2d};
use crate::simd::multiversion;

/// A convolution's weights with the batch norm after it folded in.
///
/// `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`, per output channel (Jacob et al. 2018,
/// section 3.2). A file that has `<conv>.bias` instead of `<norm>.running_mean` was folded before.
#[derive(Debug, Clone)]
struct Folded {
    weight: Tensor,
    bias: Tensor,
}

impl Folded {
    fn load(vb: &VarBuilder, (conv, norm): (&str, &str), shape: [usize; 4], epsilon: f64) -> Result<Self> {
        let conv = vb.pp(conv);
        let weight = conv.get(shape.as_slice(), "weight")?;
        let channels = shape[0];
        if conv.contains_tensor("bias") {
            return Ok(Self { weight, bias: conv.get(channels, "bias")? });
        }
        let norm = vb.pp(norm);
        let [gamma, beta, mean, variance] = [
            norm.get(channels, "weight")?,
            norm.get(channels, "bias")?,
            norm.get(channels, "running_mean")?,
            norm.get(channels, "running_var")?,
        ];
        let scale = (gamma / (variance + epsilon)?.sqrt()?)?;
        let bias = (beta - (mean * &scale)?)?;
        Ok(Self { weight: weight.broadcast_mul(&scale.reshape((channels, 1, 1, 1))?)?, bias })
    }
}

/// A full convolution, batch norm, and maybe an activation: the stem.
#[derive(Debug, Clone)]
pub struct Conv {
    folded: Folded,
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
        config: &Config,
    ) -> Result<Self> {
        let folded = Folded::load(vb, names, shape, config.norm_epsilon)?;
        Ok(Self { folded, stride, padding: config.padding, activation: Some(config.activation) })
    }

    /// (N, C, H, W) -> (N, out, H / stride, W / stride)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let kernel = self.folded.weight.dim(D::Minus1)?;
        let x = padding(self.padding, x, kernel, self.stride)?.apply(x)?;
        bias_activation(&x.conv2d(&self.folded.weight, 0, self.stride, 1, 1)?, &self.folded.bias, self.activation)
    }
}

/// A depthwise convolution, batch norm and activation.
#[derive(Debug, Clone)]
pub struct DepthwiseConv {
    folded: Folded,
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
        config: &Config,
    ) -> Result<Self> {
        let folded = Folded::load(vb, names, shape, config.norm_epsilon)?;
        Ok(Self { folded, stride, padding: config.padding, activation: config.activation })
    }

    /// (N, C, H, W) -> (N, C, H / stride, W / stride)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let kernel = self.folded.weight.dim(D::Minus1)?;
        let pad = padding(self.padding, x, kernel, self.stride)?;
        let y = depthwise_conv2d(x, &self.folded.weight, self.stride, pad)?;
        bias_activation(&y, &self.folded.bias, Some(self.activation))
    }
}

/// A 1x1 convolution, batch norm, and maybe an activation: a matrix product per picture.
#[derive(Debug, Clone)]
pub struct Pointwise {
    weight: Tensor,
    bias: Tensor,
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
        config: &Config,
    ) -> Result<Self> {
        let folded = Folded::load(vb, names, [output, input, 1, 1], config.norm_epsilon)?;
        Ok(Self { weight: folded.weight.reshape((output, input))?, bias: folded.bias, activation })
    }

    /// (N, C, H, W) -> (N, out, H, W)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let y = self.weight.broadcast_matmul(&x.reshape((batch, channels, height * width))?)?;
        let y = y.reshape((batch, self.weight.dim(0)?, height, width))?;
        bias_activation(&y, &self.bias, self.activation)
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
    pub fn load(vb: &VarBuilder, channels: usize, squeezed: usize, activation: Activation) -> Result<Self> {
        let layer = |name, input: usize, output: usize| {
            let vb = vb.pp(name);
            let weight = vb.get((output, input, 1, 1), "weight")?.reshape((output, input))?.t()?.contiguous()?;
            Ok::<_, candle_core::Error>((weight, vb.get(output, "bias")?))
        };
        let (reduce, expand) = (layer("conv_reduce", channels, squeezed)?, layer("conv_expand", squeezed, channels)?);
        Ok(Self { reduce, expand, activation })
    }

    /// (N, C, H, W) -> (N, C, H, W)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, ..) = x.dims4()?;
        let pooled = pool(x)?;
        let squeezed = pooled.matmul(&self.reduce.0)?.broadcast_add(&self.reduce.1)?;
        let squeezed = match self.activation {
            Activation::Swish => squeezed.silu()?,
            Activation::Relu6 => squeezed.clamp(0.0, 6.0)?,
        };
        let scale = squeezed.matmul(&self.expand.0)?.broadcast_add(&self.expand.1)?;
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
    let y = x.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)?;
    match activation {
        None => Ok(y),
        Some(Activation::Swish) => y.silu(),
        Some(Activation::Relu6) => y.clamp(0.0, 6.0),
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
