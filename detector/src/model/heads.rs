//! What stands on a backbone: one trait, and one registry of all that implement it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
#[cfg(feature = "candle")]
use std::sync::Arc;

#[cfg(feature = "candle")]
use candle_core::{Result, Tensor};
#[cfg(feature = "candle")]
use candle_nn::VarBuilder;
#[cfg(feature = "candle")]
use engine::{EngineError, onnx::Wire};
use thiserror::Error;

use super::scale::Scale;
#[cfg(feature = "candle")]
use super::{
    backbone::Pyramid,
    graph::{Levels, Size, Writer},
    head::HeadOutput,
};

/// All heads; the first is meant where only a backbone is named. A new one is its file and a line here.
static HEADS: [&dyn DetectorHead; 5] = [&Scale::N, &Scale::S, &Scale::M, &Scale::L, &Scale::X];

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
    fn write_backbone(&self, writer: &mut Writer<'_>, images: &Wire) -> std::result::Result<Levels, EngineError>;

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
    ) -> std::result::Result<Wire, EngineError>;
}

/// Channels of features at three strides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PyramidChannels {
    /// Stride 8.
    pub p3: usize,
    /// Stride 16.
    pub p4: usize,
    /// Stride 32.
    pub p5: usize,
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

/// All heads, smallest first.
pub fn heads() -> impl Iterator<Item = &'static dyn DetectorHead> {
    HEADS.into_iter()
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

/// Text that names no head.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("detector head {text:?} is not known; known are {known}", known = names())]
pub struct ParseHeadError {
    text: String,
}

/// The names of all heads, for people.
pub(super) fn names() -> String {
    heads().map(DetectorHead::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for &'static dyn DetectorHead {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        heads().find(|head| head.name() == text).ok_or_else(|| ParseHeadError { text: text.chars().take(40).collect() })
    }
}
