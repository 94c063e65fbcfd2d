//! The whole network.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use engine::Network;

use super::backbone::{Backbone, Pyramid, PyramidChannels};
use super::efficientnet::EfficientNetBackbone;
use super::head::{Head, HeadOutput};
use super::neck::Neck;
use super::{Architecture, BackboneKind};

/// The whole network.
#[derive(Debug, Clone)]
pub struct YoloV8 {
    backbone: AnyBackbone,
    neck: Neck,
    head: Head,
}

#[derive(Debug, Clone)]
enum AnyBackbone {
    Yolo(Box<Backbone>),
    EfficientNet(Box<EfficientNetBackbone>),
}

impl AnyBackbone {
    fn forward_t(&self, images: &Tensor, train: bool) -> Result<Pyramid> {
        match self {
            Self::Yolo(backbone) => backbone.forward_t(images, train),
            Self::EfficientNet(backbone) => backbone.forward_t(images, train),
        }
    }
}

impl YoloV8 {
    /// Loads from `vb`, below which everything is called `model.*`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, architecture: Architecture) -> Result<Self> {
        let Architecture { backbone, scale, classes } = architecture;
        let vb = vb.pp("model");
        let backbone = match backbone {
            BackboneKind::Yolo => AnyBackbone::Yolo(Box::new(Backbone::load(&vb, scale)?)),
            BackboneKind::EfficientNet(variant) => {
                AnyBackbone::EfficientNet(Box::new(EfficientNetBackbone::load(&vb, variant, scale)?))
            }
        };
        Ok(Self {
            backbone,
            neck: Neck::load(&vb, scale)?,
            head: Head::load(vb.pp(22), PyramidChannels::of(scale), classes)?,
        })
    }

    /// Raw predictions for images (B, 3, H, W) in `0..=1`, sides multiples of 32. `train` makes batch normalisation use
    /// and learn the statistics of the batch.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward_t(&self, images: &Tensor, train: bool) -> Result<HeadOutput> {
        let features = self.backbone.forward_t(images, train)?;
        self.head.forward_t(&self.neck.forward_t(&features, train)?, train)
    }

    /// Decoded predictions (B, 4 + classes, A), see [`HeadOutput::decode`].
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn predict(&self, images: &Tensor) -> Result<Tensor> {
        self.forward_t(images, false)?.decode()
    }
}

/// One output, named as Ultralytics' exports name theirs.
impl Network for YoloV8 {
    fn forward(&self, input: &Tensor) -> Result<Vec<(String, Tensor)>> {
        Ok(vec![(OUTPUT.to_owned(), self.predict(input)?)])
    }

    fn outputs(&self) -> Vec<String> {
        vec![OUTPUT.to_owned()]
    }
}

const OUTPUT: &str = "output0";
