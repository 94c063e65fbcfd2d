//! From features to boxes: an anchor-free head with separate branches for where and what.

use candle_core::{Result, Tensor};
use candle_nn::{Init, ModuleT, VarBuilder};
use engine::ops::{Conv2d, conv2d};

use super::blocks::{ConvBlock, ConvShape, expected_bin};
use super::pyramid::{Pyramid, PyramidChannels};
use crate::anchors::{self, STRIDES};

/// Bins of the distribution that stands for the distance from an anchor to a side of its box, in strides.
pub const REG_MAX: usize = 16;

/// Layer 22.
#[derive(Debug, Clone)]
pub struct Head {
    boxes: [Branch; 3],
    classes: [Branch; 3],
}

/// Two 3x3 blocks and a 1x1 convolution with bias: `0`, `1`, `2`.
#[derive(Debug, Clone)]
struct Branch {
    first: ConvBlock,
    second: ConvBlock,
    last: (Tensor, Tensor),
}

#[derive(Debug, Clone, Copy)]
struct BranchShape {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    /// What biases start from.
    bias: f64,
}

impl Branch {
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    fn load(vb: VarBuilder, shape: BranchShape) -> Result<Self> {
        let BranchShape { inputs, hidden, outputs, bias } = shape;
        Ok(Self {
            first: ConvBlock::load(vb.pp(0), ConvShape::new(inputs, hidden, 3))?,
            second: ConvBlock::load(vb.pp(1), ConvShape::new(hidden, hidden, 3))?,
            last: pointwise((hidden, outputs), bias, &vb.pp(2))?,
        })
    }
}

impl ModuleT for Branch {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let xs = self.second.forward_t(&self.first.forward_t(xs, train)?, train)?;
        conv2d(&xs, &self.last.0, Some(&self.last.1), Conv2d::default())
    }
}

/// Weight and bias of a 1x1 convolution. Small weights at first, so that what is predicted is what `bias` says.
fn pointwise((inputs, outputs): (usize, usize), bias: f64, vb: &VarBuilder) -> Result<(Tensor, Tensor)> {
    let bound = 1.0 / (inputs as f64).sqrt();
    let weight = vb.get_with_hints((outputs, inputs, 1, 1), "weight", Init::Uniform { lo: -bound, up: bound })?;
    Ok((weight, vb.get_with_hints(outputs, "bias", Init::Const(bias))?))
}

/// The logit of a class at a level where about five objects stand among the cells of an image of 640 pixels: without it
/// the first epochs would be spent on learning that nearly everything is background.
fn rare(classes: usize, stride: usize) -> f64 {
    let cells = (640.0 / stride as f64).powi(2);
    (5.0 / classes.max(1) as f64 / cells).ln()
}

/// What the head says of every anchor, before it is decoded. Training compares this with the truth.
#[derive(Debug, Clone)]
pub struct HeadOutput {
    /// (B, 4 * REG_MAX, A): logits of the distances left, top, right, bottom.
    pub distances: Tensor,
    /// (B, classes, A): logits.
    pub classes: Tensor,
    /// Height and width of the images, which say where the anchors are.
    pub image: (usize, usize),
}

impl Head {
    /// Loads the head for this many classes from `vb`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, channels: PyramidChannels, classes: usize) -> Result<Self> {
        let inputs = [channels.p3, channels.p4, channels.p5];
        let box_hidden = (channels.p3 / 4).max(4 * REG_MAX);
        let class_hidden = channels.p3.max(classes.min(100));
        let branches = |name: &str, hidden, outputs, bias: &dyn Fn(usize) -> f64| {
            let vb = vb.pp(name);
            let shape = |i: usize| BranchShape { inputs: inputs[i], hidden, outputs, bias: bias(STRIDES[i]) };
            let branch = |i: usize| Branch::load(vb.pp(i), shape(i));
            Ok::<_, candle_core::Error>([branch(0)?, branch(1)?, branch(2)?])
        };
        Ok(Self {
            boxes: branches("cv2", box_hidden, 4 * REG_MAX, &|_| 1.0)?,
            classes: branches("cv3", class_hidden, classes, &|stride| rare(classes, stride))?,
        })
    }

    /// Features in, raw predictions of all anchors out.
    ///
    /// # Errors
    /// When the features have other shapes.
    pub fn forward_t(&self, features: &Pyramid, train: bool) -> Result<HeadOutput> {
        let Pyramid { p3, p4, p5 } = features;
        let all = |branches: &[Branch; 3]| {
            let levels = branches
                .iter()
                .zip([p3, p4, p5])
                .map(|(branch, level)| branch.forward_t(level, train)?.flatten_from(2))
                .collect::<Result<Vec<_>>>()?;
            Tensor::cat(&levels, 2)
        };
        let (_, _, height, width) = p3.dims4()?;
        Ok(HeadOutput {
            distances: all(&self.boxes)?,
            classes: all(&self.classes)?,
            image: (height * STRIDES[0], width * STRIDES[0]),
        })
    }
}

impl HeadOutput {
    /// Boxes and probabilities, (B, 4 + classes, A): centre x, centre y, width, height in pixels of the input, then a
    /// probability per class. This is the layout of Ultralytics' exports.
    ///
    /// # Errors
    /// When candle fails.
    pub fn decode(&self) -> Result<Tensor> {
        let (batch, _, count) = self.distances.dims3()?;
        let (device, dtype) = (self.distances.device(), self.distances.dtype());
        let anchors = anchors::anchors(self.image.0, self.image.1);
        let row = |value: fn(&anchors::Anchor) -> f32| {
            Tensor::from_iter(anchors.iter().map(value), device)?.to_dtype(dtype)?.reshape((1, 1, count))
        };
        let (x, y, stride) = (row(|a| a.x)?, row(|a| a.y)?, row(|a| a.stride)?);

        let distances = expected_bin(&self.distances.reshape((batch, 4, REG_MAX, count))?, 2)?;
        let distances = distances.broadcast_mul(&stride)?;
        let side = |i: usize| distances.narrow(1, i, 1);
        let (left, top, right, bottom) = (side(0)?, side(1)?, side(2)?, side(3)?);
        let center_x = ((&right - &left)? / 2.0)?.broadcast_add(&x)?;
        let center_y = ((&bottom - &top)? / 2.0)?.broadcast_add(&y)?;
        let (width, height) = ((left + right)?, (top + bottom)?);
        let scores = candle_nn::ops::sigmoid(&self.classes)?;
        Tensor::cat(&[center_x, center_y, width, height, scores], 1)
    }
}
