//! The layers EfficientNet is made of. For inference batch norms are folded into the
//! convolution before them when weights are loaded.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

use super::config::{Activation, Config};
use crate::backbone::{Norms, Padding};
use crate::ops::{
    self, BatchNorm, BatchNormConfig, Conv2d, activate, channel_means, conv2d, conv2d_act, scale_channels, widen,
};

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
            let config = BatchNormConfig { eps: build.config.norm_epsilon, momentum };
            let weight = conv.get_with_hints(shape.as_slice(), "weight", initial(shape))?;
            return Ok(Self { weight, norm: Norm::Live(BatchNorm::load(channels, config, vb.pp(norm))?) });
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

    fn forward_t(&self, x: &Tensor, conv: Conv2d, activation: Option<Activation>, train: bool) -> Result<Tensor> {
        let activation = activation.map_or(ops::Activation::Identity, ops::Activation::from);
        match &self.norm {
            Norm::Folded(bias) => conv2d_act(x, &self.weight, bias, conv, activation),
            Norm::Live(norm) => norm.forward_t(&conv2d(x, &self.weight, None, conv)?, train, activation),
        }
    }
}

impl From<Activation> for ops::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Swish => Self::Silu,
            Activation::Relu6 => Self::Relu6,
        }
    }
}

/// Normal, of variance `2 / fan out` (He et al. 2015): what the published weights started from.
fn initial([output, input, height, width]: [usize; 4]) -> Init {
    // A depthwise kernel feeds one channel.
    let fan_out = if input == 1 { 1 } else { output } * height * width;
    Init::Randn { mean: 0.0, stdev: (2.0 / fan_out as f64).sqrt() }
}

/// A convolution of all channels together (the stem) or of each alone (depthwise), batch norm and activation.
#[derive(Debug, Clone)]
pub struct Conv {
    kernel: Kernel,
    stride: usize,
    padding: Padding,
    activation: Activation,
}

impl Conv {
    /// Loads `names` (convolution, batch norm) with weights of `shape`: (out, in, k, k), or (channels, 1, k, k) depthwise.
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

    /// (N, C, H, W) -> (N, out, H / stride, W / stride)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let (_, group, _, side) = self.kernel.weight.dims4()?;
        let padding = padding(self.padding, x, side, self.stride)?;
        let conv = Conv2d { stride: self.stride, padding, groups: x.dim(1)? / group };
        self.kernel.forward_t(x, conv, Some(self.activation), train)
    }
}

/// A 1x1 convolution, batch norm, and maybe an activation: a matrix product per image.
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
        self.kernel.forward_t(x, Conv2d::default(), self.activation, train)
    }
}

/// Weighs channels by what the whole image shows (Hu et al. 2018): pool, 1x1, activation, 1x1, sigmoid, multiply.
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
        let pooled = widen(&pool(x)?)?;
        let squeezed = pooled.matmul(&self.reduce.0.t()?)?.broadcast_add(&self.reduce.1)?;
        let squeezed = activate(&squeezed, self.activation.into())?;
        let scale = squeezed.matmul(&self.expand.0.t()?)?.broadcast_add(&self.expand.1)?;
        scale_channels(x, &activate(&scale, ops::Activation::Sigmoid)?.to_dtype(x.dtype())?)
    }
}

/// Mean over the image: (N, C, H, W) -> (N, C).
///
/// # Errors
/// When candle fails.
pub fn pool(x: &Tensor) -> Result<Tensor> {
    channel_means(x)
}

/// The zeros that a kernel wants around `x` (N, C, H, W).
fn padding(padding: Padding, x: &Tensor, kernel: usize, stride: usize) -> Result<ops::Padding> {
    let (_, _, height, width) = x.dims4()?;
    let side = |length: usize| match padding {
        Padding::Symmetric => ((kernel - 1) / 2, (kernel - 1) / 2),
        Padding::Same => {
            let total = ((length.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(length);
            (total / 2, total - total / 2)
        }
    };
    let ((top, bottom), (left, right)) = (side(height), side(width));
    Ok(ops::Padding { top, bottom, left, right })
}
