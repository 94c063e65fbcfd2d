//! From pixels to features at strides 8, 16 and 32.

use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};

use super::Scale;
use super::blocks::{C2f, C2fShape, ConvBlock, ConvShape, Sppf};
use super::pyramid::Pyramid;

/// YOLOv8's own: layers 0 to 9.
#[derive(Debug, Clone)]
pub struct YoloBackbone {
    stem: ConvBlock,
    stages: [Stage; 4],
    pool: Sppf,
}

/// Halves the image, then looks at it.
#[derive(Debug, Clone)]
struct Stage {
    down: ConvBlock,
    block: C2f,
}

impl YoloBackbone {
    /// Loads from `vb`, whose children are the layers by number.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, scale: Scale) -> Result<Self> {
        let channels = [64, 128, 256, 512, 1024].map(|base| scale.channels(base));
        let repeats = [3, 6, 6, 3].map(|base| scale.repeats(base));
        let stage = |i: usize| {
            let (inputs, outputs) = (channels[i], channels[i + 1]);
            let shape = C2fShape { inputs: outputs, outputs, repeats: repeats[i], shortcut: true };
            Ok::<_, candle_core::Error>(Stage {
                down: ConvBlock::load(vb.pp(2 * i + 1), ConvShape::down(inputs, outputs))?,
                block: C2f::load(vb.pp(2 * i + 2), shape)?,
            })
        };
        Ok(Self {
            stem: ConvBlock::load(vb.pp(0), ConvShape::down(3, channels[0]))?,
            stages: [stage(0)?, stage(1)?, stage(2)?, stage(3)?],
            pool: Sppf::load(vb.pp(9), channels[4])?,
        })
    }

    /// Images (B, 3, H, W), sides multiples of 32, become features.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward_t(&self, images: &Tensor, train: bool) -> Result<Pyramid> {
        let [s1, s2, s3, s4] = &self.stages;
        let p2 = s1.forward_t(&self.stem.forward_t(images, train)?, train)?;
        let p3 = s2.forward_t(&p2, train)?;
        let p4 = s3.forward_t(&p3, train)?;
        let p5 = self.pool.forward_t(&s4.forward_t(&p4, train)?, train)?;
        Ok(Pyramid { p3, p4, p5 })
    }
}

impl ModuleT for Stage {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        self.block.forward_t(&self.down.forward_t(xs, train)?, train)
    }
}
