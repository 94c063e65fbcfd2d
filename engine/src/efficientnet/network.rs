//! The network as embedders and as detectors use it.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::backbone::Backbone;
use super::layers::{Build, Pointwise};
use crate::backbone::{Features, Pyramid};

/// Stem, blocks and last convolution.
#[derive(Debug)]
pub(super) struct FeatureNetwork {
    backbone: Backbone,
    head: Pointwise,
}

impl FeatureNetwork {
    pub(super) fn load(vb: &VarBuilder, build: Build<'_>) -> Result<Self> {
        let config = build.config;
        let last = config.blocks().last().map_or(config.stem, |block| block.output);
        let names = ("conv_head", "bn2");
        let head = Pointwise::load(vb, names, (last, config.head), Some(config.activation), build)?;
        Ok(Self { backbone: Backbone::load(vb, build)?, head })
    }
}

impl Features for FeatureNetwork {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.head.forward_t(&self.backbone.forward_t(x, train)?, train)
    }
}

/// Stem and blocks, tapped where strides end.
#[derive(Debug)]
pub(super) struct PyramidNetwork {
    backbone: Backbone,
    taps: [usize; 3],
}

impl PyramidNetwork {
    pub(super) fn load(vb: &VarBuilder, taps: [usize; 3], build: Build<'_>) -> Result<Self> {
        Ok(Self { backbone: Backbone::load(vb, build)?, taps })
    }
}

impl Pyramid for PyramidNetwork {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<[Tensor; 3]> {
        self.backbone.taps(x, self.taps, train)
    }
}
