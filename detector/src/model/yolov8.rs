//! YOLOv8's sizes as detector heads.

#[cfg(feature = "candle")]
use std::sync::Arc;

#[cfg(feature = "candle")]
use candle_core::Result;
#[cfg(feature = "candle")]
use candle_nn::VarBuilder;
#[cfg(feature = "candle")]
use engine::{EngineError, onnx::GraphTensor};

use super::Scale;
use super::detector_head::DetectorHead;
use super::pyramid::PyramidChannels;
#[cfg(feature = "candle")]
use super::{
    backbone::YoloBackbone,
    detector_head::{BackboneNetwork, HeadNetwork},
    graph::{Levels, Size, Writer},
    head::{Head, HeadOutput},
    neck::Neck,
    pyramid::Pyramid,
};

impl Scale {
    /// Its neck and head in the registry.
    #[must_use]
    pub const fn head(self) -> &'static dyn DetectorHead {
        match self {
            Self::N => &Self::N,
            Self::S => &Self::S,
            Self::M => &Self::M,
            Self::L => &Self::L,
            Self::X => &Self::X,
        }
    }
}

impl DetectorHead for Scale {
    fn name(&self) -> &'static str {
        self.as_str()
    }

    fn channels(&self) -> PyramidChannels {
        PyramidChannels {
            p3: Scale::channels(*self, 256),
            p4: Scale::channels(*self, 512),
            p5: Scale::channels(*self, 1024),
        }
    }

    fn mark(&self) -> (&'static str, Vec<usize>) {
        ("model.0.conv.weight", vec![Scale::channels(*self, 64), 3, 3, 3])
    }

    fn class_tensor(&self) -> &'static str {
        "model.22.cv3.0.2.weight"
    }

    /// The last convolution of every branch of the head and all behind it: a box would jump by whole pixels, and scores near
    /// zero would be one.
    fn keeps_precision(&self, node: &str) -> bool {
        let layer = node.rsplit_once('/').map_or(node, |(layer, _)| layer);
        let parts: Vec<&str> = layer.split('.').collect();
        match parts.as_slice() {
            ["model", "22", _, _, "0" | "1", ..] => false,
            ["model", "22", ..] => true,
            _ => false,
        }
    }

    #[cfg(feature = "candle")]
    fn load_backbone(&self, vb: &VarBuilder) -> Result<Arc<dyn BackboneNetwork>> {
        Ok(Arc::new(YoloBackbone::load(vb, *self)?))
    }

    #[cfg(feature = "candle")]
    fn load(&self, vb: &VarBuilder, classes: usize) -> Result<Arc<dyn HeadNetwork>> {
        let head = Head::load(vb.pp(22), DetectorHead::channels(self), classes)?;
        Ok(Arc::new(NeckAndHead { neck: Neck::load(vb, *self)?, head }))
    }

    #[cfg(feature = "candle")]
    fn write_backbone(
        &self,
        writer: &mut Writer<'_>,
        images: &GraphTensor,
    ) -> std::result::Result<Levels, EngineError> {
        writer.yolo_backbone(images, *self)
    }

    #[cfg(feature = "candle")]
    fn write(
        &self,
        writer: &mut Writer<'_>,
        features: &Levels,
        (classes, size): (usize, Size),
    ) -> std::result::Result<GraphTensor, EngineError> {
        let features = writer.neck(features, *self)?;
        writer.head(&features, classes, size)
    }
}

#[cfg(feature = "candle")]
impl BackboneNetwork for YoloBackbone {
    fn forward_t(&self, images: &candle_core::Tensor, train: bool) -> Result<Pyramid> {
        Self::forward_t(self, images, train)
    }
}

/// Layers 10 to 22.
#[cfg(feature = "candle")]
#[derive(Debug)]
struct NeckAndHead {
    neck: Neck,
    head: Head,
}

#[cfg(feature = "candle")]
impl HeadNetwork for NeckAndHead {
    fn forward_t(&self, features: &Pyramid, train: bool) -> Result<HeadOutput> {
        self.head.forward_t(&self.neck.forward_t(features, train)?, train)
    }
}
