//! What stands on a backbone, as networks, export and training know it: a trait. All that implement it are in [`super::heads`].

use std::fmt;
use std::hash::{Hash, Hasher};
#[cfg(feature = "candle")]
use std::sync::Arc;

#[cfg(feature = "candle")]
use candle_core::{Result, Tensor};
#[cfg(feature = "candle")]
use candle_nn::VarBuilder;
#[cfg(feature = "candle")]
use engine::{EngineError, onnx::GraphTensor};

use super::pyramid::PyramidChannels;
#[cfg(feature = "candle")]
use super::{
    graph::{Levels, Size, Writer},
    head::HeadOutput,
    pyramid::Pyramid,
};

/// Neck and head of a detector without anchors, and the backbone that was published with them. A value of it is the description;
/// weights make it a network. `&'static dyn DetectorHead` is read from its name by `parse`, and equal by it.
pub trait DetectorHead: fmt::Debug + Send + Sync + 'static {
    /// As model cards and configurations name it: `yolov8n`.
    fn name(&self) -> &'static str;

    /// Channels of the features that it takes.
    fn channels(&self) -> PyramidChannels;

    /// Name and shape of a tensor of its own backbone that no other head's has.
    fn mark(&self) -> (&'static str, Vec<usize>);

    /// Name of the tensor (classes, C, 1, 1) that scores classes at the finest level.
    fn class_tensor(&self) -> &'static str;

    /// Whether a node of the graph (`model.22.dfl/Softmax`) decides on boxes and scores so directly that int8 would spoil it.
    fn keeps_precision(&self, node: &str) -> bool;

    /// Loads the backbone that was published with it from `vb`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[cfg(feature = "candle")]
    fn load_backbone(&self, vb: &VarBuilder) -> Result<Arc<dyn BackboneNetwork>>;

    /// Loads neck and head for so many classes from `vb`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[cfg(feature = "candle")]
    fn load(&self, vb: &VarBuilder, classes: usize) -> Result<Arc<dyn HeadNetwork>>;

    /// The backbone that was published with it as ONNX nodes, on images (B, 3, H, W) in `0..=1`.
    ///
    /// # Errors
    /// When a weight is missing, has another shape or is not finite.
    #[cfg(feature = "candle")]
    fn write_backbone(&self, writer: &mut Writer<'_>, images: &GraphTensor)
    -> std::result::Result<Levels, EngineError>;

    /// Neck and head as ONNX nodes: (B, 4 + classes, A), laid out as [`HeadOutput::decode`] does.
    ///
    /// # Errors
    /// When a weight is missing, has another shape or is not finite.
    #[cfg(feature = "candle")]
    fn write(
        &self,
        writer: &mut Writer<'_>,
        features: &Levels,
        outputs: (usize, Size),
    ) -> std::result::Result<GraphTensor, EngineError>;
}

/// A backbone with weights.
#[cfg(feature = "candle")]
pub trait BackboneNetwork: fmt::Debug + Send + Sync {
    /// Images (B, 3, H, W) in `0..=1`, sides multiples of 32, become features.
    ///
    /// # Errors
    /// When the input has another shape.
    fn forward_t(&self, images: &Tensor, train: bool) -> Result<Pyramid>;
}

/// Neck and head with weights.
#[cfg(feature = "candle")]
pub trait HeadNetwork: fmt::Debug + Send + Sync {
    /// Features in, raw predictions of all anchors out.
    ///
    /// # Errors
    /// When the features have other shapes.
    fn forward_t(&self, features: &Pyramid, train: bool) -> Result<HeadOutput>;
}

impl PartialEq for dyn DetectorHead {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn DetectorHead {}

impl Hash for dyn DetectorHead {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for dyn DetectorHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
