//! The EfficientNets as backbones.

use std::collections::BTreeMap;
#[cfg(feature = "candle")]
use std::sync::Arc;

#[cfg(feature = "candle")]
use candle_nn::VarBuilder;
use vision::PreprocessPlan;
use vision::preprocess::{Filter, Fit};

use super::graph::GraphWriter;
#[cfg(feature = "candle")]
use super::{
    Build,
    network::{FeatureNetwork, PyramidNetwork},
};
use super::{Config, Variant, layout};
use crate::EngineError;
use crate::backbone::{Backbone, GraphPart, Padding};
#[cfg(feature = "candle")]
use crate::backbone::{Features, Norms, Pyramid};
use crate::onnx::GraphTensor;

/// An EfficientNet: `efficientnet_b0` with timm's conventions, `tf_efficientnet_b0` with those of Google's weights.
/// `efficientnet_lite0` has Google's under either name: nobody else's weights are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EfficientNet {
    name: &'static str,
    variant: Variant,
    tensorflow: bool,
}

const fn timm(name: &'static str, variant: Variant) -> EfficientNet {
    EfficientNet { name, variant, tensorflow: false }
}

const fn google(name: &'static str, variant: Variant) -> EfficientNet {
    EfficientNet { name, variant, tensorflow: true }
}

/// All of them.
pub static FAMILY: [&dyn Backbone; 11] = [
    &google("efficientnet_lite0", Variant::Lite0),
    &timm("efficientnet_b0", Variant::B0),
    &timm("efficientnet_b1", Variant::B1),
    &timm("efficientnet_b2", Variant::B2),
    &timm("efficientnet_b3", Variant::B3),
    &timm("efficientnet_b4", Variant::B4),
    &google("tf_efficientnet_b0", Variant::B0),
    &google("tf_efficientnet_b1", Variant::B1),
    &google("tf_efficientnet_b2", Variant::B2),
    &google("tf_efficientnet_b3", Variant::B3),
    &google("tf_efficientnet_b4", Variant::B4),
];

/// Stages whose last block gives the features of strides 8, 16 and 32: blocks 4, 10 and 15 of B0 and Lite0.
const STAGES: [usize; 3] = [2, 4, 6];

impl EfficientNet {
    fn config(&self) -> Config {
        let config = Config::of(self.variant);
        if self.tensorflow { config.with_tensorflow_conventions() } else { config }
    }
}

/// Numbers of the blocks that end [`STAGES`].
fn taps(config: &Config) -> [usize; 3] {
    let blocks = config.blocks();
    STAGES.map(|stage| blocks.iter().rposition(|block| block.stage == stage).unwrap_or_default())
}

impl Backbone for EfficientNet {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        if self.variant.is_lite() { &["tf_efficientnet_lite0"] } else { &[] }
    }

    /// Stretched to [`Variant::resolution`]: bilinear and `(RGB - 127) / 128` for Lite0, bicubic and the mean and deviation
    /// of ImageNet for the others.
    fn plan(&self) -> PreprocessPlan {
        let side = self.variant.resolution();
        let (filter, mean, std) = if self.variant.is_lite() {
            (Filter::BilinearAntialias, [127.0; 3], [128.0; 3])
        } else {
            // .485 .456 .406 and .229 .224 .225 of 255
            (Filter::BicubicAntialias, [123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
        };
        PreprocessPlan { width: side, height: side, fit: Fit::Stretch, filter, pad: 127, mean, std }
    }

    fn padding(&self) -> Padding {
        self.config().padding
    }

    fn norm_epsilon(&self) -> f64 {
        self.config().norm_epsilon
    }

    fn dropout(&self) -> f64 {
        self.config().dropout
    }

    fn features(&self) -> usize {
        self.config().head
    }

    fn pyramid(&self) -> [usize; 3] {
        let stages = self.config().stages;
        STAGES.map(|stage| stages[stage].channels)
    }

    fn convolutions(&self) -> BTreeMap<String, Vec<usize>> {
        layout::convolutions(&self.config())
    }

    fn only_for_features(&self, name: &str) -> bool {
        name.starts_with("conv_head.") || name.starts_with("bn2.")
    }

    fn norms(&self) -> Vec<(String, String)> {
        layout::norms(&self.config())
    }

    fn native_name(&self, name: &str) -> Option<String> {
        layout::native_name(name, &self.config())
    }

    /// The PyTorch ports of Google's weights have names of their own.
    fn published_as(&self, names: &[&str]) -> bool {
        self.tensorflow == names.iter().any(|name| name.contains("._depthwise_conv."))
    }

    /// The gates of squeeze-and-excite are next to nothing to compute, and errors in them are errors in whole channels.
    fn keeps_precision(&self, node: &str) -> bool {
        let (layer, op) = node.rsplit_once('/').unwrap_or((node, ""));
        layer.split('.').any(|part| part == "se") && op != "Mul"
    }

    #[cfg(feature = "candle")]
    fn load_features(&self, vb: &VarBuilder, norms: Norms) -> candle_core::Result<Arc<dyn Features>> {
        Ok(Arc::new(FeatureNetwork::load(vb, Build { config: &self.config(), norms })?))
    }

    #[cfg(feature = "candle")]
    fn load_pyramid(&self, vb: &VarBuilder, norms: Norms) -> candle_core::Result<Arc<dyn Pyramid>> {
        let config = self.config();
        Ok(Arc::new(PyramidNetwork::load(vb, taps(&config), Build { config: &config, norms })?))
    }

    fn write_features(
        &self,
        to: GraphPart<'_>,
        x: &GraphTensor,
        size: (usize, usize),
    ) -> Result<GraphTensor, EngineError> {
        GraphWriter { part: to, config: &self.config() }.features(x, size)
    }

    fn write_pyramid(
        &self,
        to: GraphPart<'_>,
        x: &GraphTensor,
        size: (usize, usize),
    ) -> Result<[GraphTensor; 3], EngineError> {
        let config = self.config();
        let blocks = GraphWriter { part: to, config: &config }.blocks(x, size)?;
        Ok(taps(&config).map(|block| blocks[block].clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_a_network_pads() {
        for (name, side, padding) in [
            ("efficientnet_b0", 224, Padding::Symmetric),
            ("efficientnet_b4", 380, Padding::Symmetric),
            ("tf_efficientnet_b2", 260, Padding::Same),
            ("efficientnet_lite0", 224, Padding::Same),
        ] {
            let backbone: &dyn Backbone = name.parse().unwrap();
            assert_eq!((backbone.plan().width, backbone.padding()), (side, padding), "{name}");
        }
    }

    #[test]
    fn gates_keep_their_precision() {
        let backbone: &dyn Backbone = "efficientnet_b0".parse().unwrap();
        for (node, kept) in [
            ("conv_stem/Conv", false),
            ("blocks.1.0.conv_dw/Clip", false),
            ("blocks.1.0.se.conv_reduce/Conv", true),
            ("blocks.1.0.se/Sigmoid", true),
            ("blocks.1.0.se/Mul", false),
            ("conv_head/Conv", false),
        ] {
            assert_eq!(backbone.keeps_precision(node), kept, "{node}");
        }
    }
}
