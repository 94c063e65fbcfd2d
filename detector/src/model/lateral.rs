//! Any backbone under a detector: its features at three strides, made as wide as the head wants them.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use engine::Backbone;
use engine::backbone::{self, Norms};
use vision::PreprocessPlan;

use super::blocks::{BATCH_NORM, ConvBlock, ConvShape, Sppf};
use super::detector_head::BackboneNetwork;
use super::pyramid::{Pyramid, PyramidChannels};

/// The backbone below `trunk`, a 1x1 convolution per stride (`lateral3`, `lateral4`, `lateral5`), and YOLOv8's pooling (`9`).
#[derive(Debug)]
pub struct LateralBackbone {
    /// (1, 3, 1, 1): what pixels are multiplied by, and what is added then.
    colours: (Tensor, Tensor),
    backbone: Arc<dyn backbone::Pyramid>,
    laterals: [ConvBlock; 3],
    pool: Sppf,
}

impl LateralBackbone {
    /// Loads from `vb`. Where the backbone's batch norms are not folded in, they are live and train.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, backbone: &dyn Backbone, outputs: PyramidChannels) -> Result<Self> {
        let below = vb.pp("trunk");
        let norms = backbone.norms();
        let folded = norms.first().is_some_and(|(conv, _)| below.pp(conv).contains_tensor("bias"));
        let norms = if folded { Norms::Folded } else { Norms::Live { momentum: BATCH_NORM.momentum } };
        let PyramidChannels { p3, p4, p5 } = outputs;
        let inputs = backbone.pyramid();
        let lateral = |level: usize, outputs: usize| {
            let shape = ConvShape::new(inputs[level], outputs, 1);
            ConvBlock::load(vb.pp(format!("lateral{}", level + 3)), shape)
        };
        let PreprocessPlan { mean, std, .. } = backbone.plan();
        // Pixels come as 0..=1. This stands before the padding, so that the zeros around an image are zeros after it.
        let row = |value: &dyn Fn(usize) -> f32| {
            Tensor::from_vec((0..3).map(value).collect::<Vec<_>>(), (1, 3, 1, 1), vb.device())?.to_dtype(vb.dtype())
        };
        Ok(Self {
            colours: (row(&|c| 255.0 / std[c])?, row(&|c| -mean[c] / std[c])?),
            backbone: backbone.load_pyramid(&below, norms)?,
            laterals: [lateral(0, p3)?, lateral(1, p4)?, lateral(2, p5)?],
            pool: Sppf::load(vb.pp(9), p5)?,
        })
    }
}

impl BackboneNetwork for LateralBackbone {
    fn forward_t(&self, images: &Tensor, train: bool) -> Result<Pyramid> {
        let (scale, shift) = (self.colours.0.to_dtype(images.dtype())?, self.colours.1.to_dtype(images.dtype())?);
        let colours = images.broadcast_mul(&scale)?.broadcast_add(&shift)?;
        let [p3, p4, p5] = self.backbone.forward_t(&colours, train)?;
        let [l3, l4, l5] = &self.laterals;
        Ok(Pyramid {
            p3: l3.forward_t(&p3, train)?,
            p4: l4.forward_t(&p4, train)?,
            p5: self.pool.forward_t(&l5.forward_t(&p5, train)?, train)?,
        })
    }
}
