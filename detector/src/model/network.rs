//! The whole network.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use engine::Network;

use super::Architecture;
use super::detector_head::{BackboneNetwork, HeadNetwork};
use super::head::HeadOutput;
use super::lateral::LateralBackbone;

/// A detector: a backbone, and neck and head on it.
#[derive(Debug, Clone)]
pub struct DetectorNetwork {
    backbone: Arc<dyn BackboneNetwork>,
    head: Arc<dyn HeadNetwork>,
}

impl DetectorNetwork {
    /// Loads from `vb`, below which everything is called `model.*`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(vb: VarBuilder, architecture: Architecture) -> Result<Self> {
        let Architecture { backbone, head, classes } = architecture;
        let vb = vb.pp("model");
        let backbone = match backbone {
            None => head.load_backbone(&vb)?,
            Some(backbone) => Arc::new(LateralBackbone::load(&vb, backbone, head.channels())?),
        };
        Ok(Self { backbone, head: head.load(&vb, classes)? })
    }

    /// Raw predictions for images (B, 3, H, W) in `0..=1`, sides multiples of 32. `train` makes batch normalisation use
    /// and learn the statistics of the batch.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward_t(&self, images: &Tensor, train: bool) -> Result<HeadOutput> {
        let features = self.backbone.forward_t(images, train)?;
        self.head.forward_t(&features, train)
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
impl Network for DetectorNetwork {
    fn forward(&self, input: &Tensor) -> Result<Vec<(String, Tensor)>> {
        Ok(vec![(OUTPUT.to_owned(), self.predict(input)?)])
    }

    fn outputs(&self) -> Vec<String> {
        vec![OUTPUT.to_owned()]
    }
}

const OUTPUT: &str = "output0";
