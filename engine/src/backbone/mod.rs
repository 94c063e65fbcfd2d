//! What turns images into features, as detectors, embedders, training, export and the command line know it: a trait. All that
//! implement it are in [`crate::backbones`].

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
#[cfg(feature = "candle")]
use std::sync::Arc;

#[cfg(feature = "candle")]
use candle_core::Tensor;
#[cfg(feature = "candle")]
use candle_nn::VarBuilder;
use vision::PreprocessPlan;

use crate::EngineError;
use crate::onnx::GraphTensor;

mod part;

pub use part::GraphPart;

/// Where the zeros around an image go. Weights learned under one do not fit the other: on even sizes a stride of two
/// samples other pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// `(k - 1) / 2` on every side: PyTorch, timm's `efficientnet_b*`.
    #[default]
    Symmetric,
    /// As few as give `ceil(size / stride)`, the odd one right and below: TensorFlow's "SAME", ONNX's `SAME_UPPER`, the
    /// ports of Google's own weights.
    Same,
}

/// What a batch norm is loaded as.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Norms {
    /// Folded into the convolution before it: for inference only.
    #[default]
    Folded,
    /// As it is, with statistics that `forward_t(x, true)` learns: for training.
    Live {
        /// Weight of a batch's statistics in the running ones.
        momentum: f64,
    },
}

/// A network that turns images (N, 3, H, W), normalised as [`Backbone::plan`] says, into features. A value of it is the
/// description; weights make it a network. `&'static dyn Backbone` is read from its name by `parse`, and equal by it.
pub trait Backbone: fmt::Debug + Send + Sync + 'static {
    /// As model cards and configurations name it: `efficientnet_b2`.
    fn name(&self) -> &'static str;

    /// Other names that mean the same.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// How its published weights want whole images: size, filter, colours.
    fn plan(&self) -> PreprocessPlan;

    /// Where zeros go.
    fn padding(&self) -> Padding;

    /// Added to variances by its batch norms.
    fn norm_epsilon(&self) -> f64;

    /// Fraction of features dropped before the last layer while training, as published.
    fn dropout(&self) -> f64;

    /// Channels of the last features, at stride 32, which embedders pool.
    fn features(&self) -> usize;

    /// Channels of its features at strides 8, 16 and 32, on which detectors stand.
    fn pyramid(&self) -> [usize; 3];

    /// Native name (`conv_stem.weight`) and shape of every convolution's weights: what tells one backbone from another.
    fn convolutions(&self) -> BTreeMap<String, Vec<usize>>;

    /// Whether the pyramid does without the tensor of this native name.
    fn only_for_features(&self, name: &str) -> bool;

    /// Every convolution (`conv_stem`) that a batch norm follows, and that norm (`bn1`), the first convolution first.
    fn norms(&self) -> Vec<(String, String)>;

    /// The native name of a tensor, under that name or another under which weights are published; `None` for one that the
    /// network has no use for.
    fn native_name(&self, name: &str) -> Option<String>;

    /// Whether weights under names like this one are rather its own than those of a [twin](crate::backbones::twins), another backbone of the
    /// same tensors. The first name of some weights about which a twin says yes decides.
    fn published_as(&self, names: &[&str]) -> bool;

    /// Whether int8 would cost a node of the graph more than it saves: its name without prefix (`blocks.1.0.se/Sigmoid`).
    fn keeps_precision(&self, node: &str) -> bool;

    /// Loads all of it from `vb`, under native names.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[cfg(feature = "candle")]
    fn load_features(&self, vb: &VarBuilder, norms: Norms) -> candle_core::Result<Arc<dyn Features>>;

    /// Loads what the pyramid needs from `vb`, under native names.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[cfg(feature = "candle")]
    fn load_pyramid(&self, vb: &VarBuilder, norms: Norms) -> candle_core::Result<Arc<dyn Pyramid>>;

    /// All of it as ONNX nodes, on images `x` of this height and width: features (N, C, H / 32, W / 32), rounded up. Batch
    /// norms of the weights are folded in.
    ///
    /// # Errors
    /// When a weight is missing or holds numbers that are not finite.
    fn write_features(
        &self,
        to: GraphPart<'_>,
        x: &GraphTensor,
        size: (usize, usize),
    ) -> Result<GraphTensor, EngineError>;

    /// The pyramid as ONNX nodes, on images `x` of this height and width. Multiples of 32 are all padded alike, so where the
    /// size is not known yet but will be one, any of them stands for it.
    ///
    /// # Errors
    /// When a weight is missing or holds numbers that are not finite.
    fn write_pyramid(
        &self,
        to: GraphPart<'_>,
        x: &GraphTensor,
        size: (usize, usize),
    ) -> Result<[GraphTensor; 3], EngineError>;
}

impl dyn Backbone {
    /// Whether weights of the one fit the other.
    #[must_use]
    pub fn is_twin_of(&self, other: &dyn Backbone) -> bool {
        self.convolutions() == other.convolutions()
    }
}

impl PartialEq for dyn Backbone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Backbone {}

impl Hash for dyn Backbone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for dyn Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A backbone with weights, up to its last features.
#[cfg(feature = "candle")]
pub trait Features: fmt::Debug + Send + Sync {
    /// (N, 3, H, W) -> (N, C, H / 32, W / 32), rounded up. `train` makes live batch norms use and learn the statistics of
    /// the batch.
    ///
    /// # Errors
    /// When candle fails.
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor>;
}

/// A backbone with weights, as detectors use it.
#[cfg(feature = "candle")]
pub trait Pyramid: fmt::Debug + Send + Sync {
    /// (N, 3, H, W), sides multiples of 32 -> features at strides 8, 16 and 32. `train` makes live batch norms use and learn
    /// the statistics of the batch.
    ///
    /// # Errors
    /// When candle fails.
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<[Tensor; 3]>;
}
