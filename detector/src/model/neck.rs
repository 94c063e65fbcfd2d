//! Mixes features of all strides: coarse ones go up and tell what, fine ones go down again and tell where.

use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use engine::ops::upsample_nearest2d;

use super::Scale;
use super::blocks::{C2f, C2fShape, ConvBlock, ConvShape};
use super::detector_head::DetectorHead;
use super::pyramid::{Pyramid, PyramidChannels};

/// Layers 10 to 21. Layers 10, 11, 13, 14, 17 and 20 (upsampling, concatenation) have no weights.
#[derive(Debug, Clone)]
pub struct Neck {
    up4: C2f,
    up3: C2f,
    down3: ConvBlock,
    mix4: C2f,
    down4: ConvBlock,
    mix5: C2f,
}

impl Neck {
    /// Loads from `vb`, whose children are the layers by number.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, scale: Scale) -> Result<Self> {
        let PyramidChannels { p3, p4, p5 } = DetectorHead::channels(&scale);
        let block = |layer: usize, inputs, outputs| {
            C2f::load(vb.pp(layer), C2fShape { inputs, outputs, repeats: scale.repeats(3), shortcut: false })
        };
        Ok(Self {
            up4: block(12, p5 + p4, p4)?,
            up3: block(15, p4 + p3, p3)?,
            down3: ConvBlock::load(vb.pp(16), ConvShape::down(p3, p3))?,
            mix4: block(18, p3 + p4, p4)?,
            down4: ConvBlock::load(vb.pp(19), ConvShape::down(p4, p4))?,
            mix5: block(21, p4 + p5, p5)?,
        })
    }

    /// Features in, features of the same shapes out.
    ///
    /// # Errors
    /// When the features do not fit each other.
    pub fn forward_t(&self, features: &Pyramid, train: bool) -> Result<Pyramid> {
        let Pyramid { p3, p4, p5 } = features;
        let cat = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 1);
        let up4 = self.up4.forward_t(&cat(&upsample_nearest2d(p5, 2)?, p4)?, train)?;
        let p3 = self.up3.forward_t(&cat(&upsample_nearest2d(&up4, 2)?, p3)?, train)?;
        let p4 = self.mix4.forward_t(&cat(&self.down3.forward_t(&p3, train)?, &up4)?, train)?;
        let p5 = self.mix5.forward_t(&cat(&self.down4.forward_t(&p4, train)?, p5)?, train)?;
        Ok(Pyramid { p3, p4, p5 })
    }
}
