//! The blocks YOLOv8 consists of.
//!
//! Every block has `load(vb, ...)` and `forward_t(x, train)`; `train` only matters to batch normalisation. Operations are
//! those of [`engine::ops`] where candle's are slow or have wrong gradients.

use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use engine::ops::{Activation, BatchNorm, BatchNormConfig, Conv2d, Padding, conv2d, conv2d_act, max_pool2d};

/// Batch normalisation as YOLOv8 is trained with.
pub const BATCH_NORM: BatchNormConfig = BatchNormConfig { eps: 1e-3, momentum: 0.03 };

/// Convolution (padding `k / 2`), batch normalisation, SiLU.
///
/// Tensors: `conv.weight` and either `bn.{weight,bias,running_mean,running_var}` or, when the normalisation has been folded
/// into the convolution ([`super::fold`]), `conv.bias`.
#[derive(Debug, Clone)]
pub struct ConvBlock {
    weight: Tensor,
    norm: Norm,
    conv: Conv2d,
}

#[derive(Debug, Clone)]
enum Norm {
    Batch(BatchNorm),
    /// The bias that is left of it.
    Folded(Tensor),
}

/// Geometry of a [`ConvBlock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
}

impl ConvShape {
    /// Stride 1.
    #[must_use]
    pub const fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { inputs, outputs, kernel, stride: 1 }
    }

    /// 3x3, stride 2: halves the image.
    #[must_use]
    pub const fn down(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, kernel: 3, stride: 2 }
    }
}

impl ConvBlock {
    /// Loads from `vb`, folded when `conv.bias` is there.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, shape: ConvShape) -> Result<Self> {
        let ConvShape { inputs, outputs, kernel, stride } = shape;
        let conv = vb.pp("conv");
        let weight =
            conv.get_with_hints((outputs, inputs, kernel, kernel), "weight", candle_nn::init::DEFAULT_KAIMING_NORMAL)?;
        let norm = if conv.contains_tensor("bias") {
            Norm::Folded(conv.get(outputs, "bias")?)
        } else {
            Norm::Batch(BatchNorm::load(outputs, BATCH_NORM, vb.pp("bn"))?)
        };
        let conv = Conv2d { stride, padding: Padding::all(kernel / 2), groups: 1 };
        Ok(Self { weight, norm, conv })
    }
}

impl ModuleT for ConvBlock {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        match &self.norm {
            Norm::Batch(norm) => norm.forward_t(&conv2d(xs, &self.weight, None, self.conv)?, train, Activation::Silu),
            Norm::Folded(bias) => conv2d_act(xs, &self.weight, bias, self.conv, Activation::Silu),
        }
    }
}

/// Two 3x3 convolutions, with a shortcut around them in the backbone.
#[derive(Debug, Clone)]
pub struct Bottleneck {
    cv1: ConvBlock,
    cv2: ConvBlock,
    shortcut: bool,
}

impl Bottleneck {
    /// Loads a bottleneck of `channels` in and out.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, channels: usize, shortcut: bool) -> Result<Self> {
        let shape = ConvShape::new(channels, channels, 3);
        Ok(Self { cv1: ConvBlock::load(vb.pp("cv1"), shape)?, cv2: ConvBlock::load(vb.pp("cv2"), shape)?, shortcut })
    }
}

impl ModuleT for Bottleneck {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let ys = self.cv2.forward_t(&self.cv1.forward_t(xs, train)?, train)?;
        if self.shortcut { xs + ys } else { Ok(ys) }
    }
}

/// Geometry of a [`C2f`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct C2fShape {
    /// Channels in.
    pub inputs: usize,
    /// Channels out, even.
    pub outputs: usize,
    /// Bottlenecks.
    pub repeats: usize,
    /// Whether the bottlenecks have shortcuts.
    pub shortcut: bool,
}

/// Cross-stage block: `cv1` gives two halves of `c = outputs / 2`; bottlenecks run one after the other on the second; both
/// halves and every bottleneck's result, `(2 + n) c` channels, go through `cv2`.
#[derive(Debug, Clone)]
pub struct C2f {
    cv1: ConvBlock,
    cv2: ConvBlock,
    bottlenecks: Vec<Bottleneck>,
}

impl C2f {
    /// Loads from `vb`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, shape: C2fShape) -> Result<Self> {
        let C2fShape { inputs, outputs, repeats, shortcut } = shape;
        let half = outputs / 2;
        let m = vb.pp("m");
        Ok(Self {
            cv1: ConvBlock::load(vb.pp("cv1"), ConvShape::new(inputs, 2 * half, 1))?,
            cv2: ConvBlock::load(vb.pp("cv2"), ConvShape::new((2 + repeats) * half, outputs, 1))?,
            bottlenecks: (0..repeats).map(|i| Bottleneck::load(m.pp(i), half, shortcut)).collect::<Result<_>>()?,
        })
    }
}

impl ModuleT for C2f {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        // Both halves at once: they are already next to each other.
        let halves = self.cv1.forward_t(xs, train)?;
        let half = halves.dim(1)? / 2;
        let mut last = halves.narrow(1, half, half)?;
        let mut parts = vec![halves];
        for bottleneck in &self.bottlenecks {
            last = bottleneck.forward_t(&last, train)?;
            parts.push(last.clone());
        }
        self.cv2.forward_t(&Tensor::cat(&parts, 1)?, train)
    }
}

/// Spatial pyramid pooling, fast: three chained 5x5 max-pools see 5, 9 and 13 cells around each.
#[derive(Debug, Clone)]
pub struct Sppf {
    cv1: ConvBlock,
    cv2: ConvBlock,
}

impl Sppf {
    /// Loads a block of `channels` in and out.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, channels: usize) -> Result<Self> {
        let half = channels / 2;
        Ok(Self {
            cv1: ConvBlock::load(vb.pp("cv1"), ConvShape::new(channels, half, 1))?,
            cv2: ConvBlock::load(vb.pp("cv2"), ConvShape::new(4 * half, channels, 1))?,
        })
    }
}

impl ModuleT for Sppf {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let once = self.cv1.forward_t(xs, train)?;
        let twice = pool5(&once)?;
        let thrice = pool5(&twice)?;
        let last = pool5(&thrice)?;
        self.cv2.forward_t(&Tensor::cat(&[once, twice, thrice, last], 1)?, train)
    }
}

fn pool5(xs: &Tensor) -> Result<Tensor> {
    max_pool2d(xs, 5, 1, Padding::all(2))
}

/// Softmax over `axis` and the expected index under it: a distribution over `n` bins becomes a number in `0..=n-1`. `axis`
/// disappears.
///
/// # Errors
/// When there is no such axis.
pub fn expected_bin(logits: &Tensor, axis: usize) -> Result<Tensor> {
    let bins = logits.dim(axis)?;
    let mut shape = vec![1; logits.rank()];
    shape[axis] = bins;
    let index = Tensor::arange(0u32, bins as u32, logits.device())?.to_dtype(logits.dtype())?.reshape(shape)?;
    candle_nn::ops::softmax(logits, axis)?.broadcast_mul(&index)?.sum(axis)
}
