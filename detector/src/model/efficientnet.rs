//! EfficientNet as backbone: features of three of its stages, made as wide as YOLOv8's neck wants them.

use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use engine::efficientnet::{self, Backbone, Build, Normalisation, Norms};

use super::Scale;
use super::backbone::{Pyramid, PyramidChannels};
use super::blocks::{BATCH_NORM, ConvBlock, ConvShape, Sppf};

/// Stages whose last block gives the features of strides 8, 16 and 32: blocks 4, 10 and 15 of B0 and Lite0.
pub const STAGES: [usize; 3] = [2, 4, 6];

/// The backbone below `trunk`, a 1x1 convolution per stride (`lateral3`, `lateral4`, `lateral5`), and YOLOv8's pooling (`9`).
#[derive(Debug, Clone)]
pub struct EfficientNetBackbone {
    /// (1, 3, 1, 1): what pixels are multiplied by, and what is added then.
    colours: (Tensor, Tensor),
    backbone: Backbone,
    taps: [usize; 3],
    laterals: [ConvBlock; 3],
    pool: Sppf,
}

impl EfficientNetBackbone {
    /// Loads from `vb`. Where the backbone's batch norms are not folded in, they are live and train.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, variant: efficientnet::Architecture, scale: Scale) -> Result<Self> {
        let config = variant.config();
        let blocks = config.blocks();
        let taps = STAGES.map(|stage| blocks.iter().rposition(|block| block.stage == stage).unwrap_or_default());
        let below = vb.pp("trunk");
        let folded = below.pp("conv_stem").contains_tensor("bias");
        let norms = if folded { Norms::Folded } else { Norms::Live { momentum: BATCH_NORM.momentum } };
        let PyramidChannels { p3, p4, p5 } = PyramidChannels::of(scale);
        let lateral = |level: usize, outputs: usize| {
            let shape = ConvShape::new(blocks[taps[level]].output, outputs, 1);
            ConvBlock::load(vb.pp(format!("lateral{}", level + 3)), shape)
        };
        let Normalisation { mean, std } = variant.normalisation();
        // Pixels come as 0..=1. This stands before the padding, so that the zeros around an image are zeros after it.
        let row = |value: &dyn Fn(usize) -> f32| {
            Tensor::from_vec((0..3).map(value).collect::<Vec<_>>(), (1, 3, 1, 1), vb.device())?.to_dtype(vb.dtype())
        };
        Ok(Self {
            colours: (row(&|c| 255.0 / std[c])?, row(&|c| -mean[c] / std[c])?),
            backbone: Backbone::load(&below, Build { config: &config, norms })?,
            taps,
            laterals: [lateral(0, p3)?, lateral(1, p4)?, lateral(2, p5)?],
            pool: Sppf::load(vb.pp(9), p5)?,
        })
    }

    /// Images (B, 3, H, W) in `0..=1`, sides multiples of 32, become features.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward_t(&self, images: &Tensor, train: bool) -> Result<Pyramid> {
        let (scale, shift) = (self.colours.0.to_dtype(images.dtype())?, self.colours.1.to_dtype(images.dtype())?);
        let colours = images.broadcast_mul(&scale)?.broadcast_add(&shift)?;
        let [p3, p4, p5] = self.backbone.taps(&colours, self.taps, train)?;
        let [l3, l4, l5] = &self.laterals;
        Ok(Pyramid {
            p3: l3.forward_t(&p3, train)?,
            p4: l4.forward_t(&p4, train)?,
            p5: self.pool.forward_t(&l5.forward_t(&p5, train)?, train)?,
        })
    }
}
