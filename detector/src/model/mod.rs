//! YOLOv8 (Jocher, Chaurasia and Qiu, 2023) as its architecture was published, in candle; and its neck and head on an
//! EfficientNet.
//!
//! | file | what |
//! |---|---|
//! | [`scale`] | the sizes n, s, m, l, x as data |
//! | [`architecture`] | which network a set of weights is |
//! | [`blocks`] | convolution, bottleneck, C2f, SPPF |
//! | [`backbone`], [`neck`], [`head`] | layers 0-9, 10-21, 22 |
//! | [`efficientnet`] | EfficientNet as backbone, in place of layers 0-8 |
//! | [`fold`] | batch normalisation folded into convolutions, for inference |
//!
//! Tensors have the names that users of Ultralytics know: `model.0.conv.weight`, `model.22.cv2.0.0.conv.weight`. Those of an
//! EfficientNet are timm's under `model.trunk`.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use engine::Network;

pub mod architecture;
pub mod backbone;
pub mod blocks;
pub mod efficientnet;
pub mod fold;
pub mod head;
pub mod neck;
pub mod scale;

pub use architecture::{Architecture, ArchitectureError, BackboneKind, Design, ParseDesignError};
pub use head::HeadOutput;
pub use scale::Scale;

use backbone::{Backbone, Pyramid, PyramidChannels};
use efficientnet::EfficientNetBackbone;
use head::Head;
use neck::Neck;

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
            BackboneKind::EfficientNet(trunk) => {
                AnyBackbone::EfficientNet(Box::new(EfficientNetBackbone::load(&vb, trunk, scale)?))
            }
        };
        Ok(Self {
            backbone,
            neck: Neck::load(&vb, scale)?,
            head: Head::load(vb.pp(22), PyramidChannels::of(scale), classes)?,
        })
    }

    /// Raw predictions for pictures (B, 3, H, W) in `0..=1`, sides multiples of 32. `train` makes batch normalisation use
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
