//! Which network a set of weights is: its backbone, its size, its classes.

use std::fmt;
use std::str::FromStr;

use engine::{Backbone, backbones};
#[cfg(feature = "candle")]
use engine::{EngineError, onnx::GraphTensor};
use thiserror::Error;

use super::Scale;
use super::detector_head::DetectorHead;
#[cfg(feature = "candle")]
use super::graph::{Size, Writer};
use super::heads;

/// A network but for its classes, as model cards name it: `yolov8n`; `efficientnet_lite0-yolov8n` for YOLOv8n's neck and
/// head on EfficientNet-Lite0, which reads also from `efficientnet_lite0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Design {
    /// What turns pixels into features at strides 8, 16 and 32: none for what was published with the head.
    pub backbone: Option<&'static dyn Backbone>,
    /// Neck and head.
    pub head: &'static dyn DetectorHead,
}

impl Design {
    /// Whether weights of the one fit the other: all but where zeros go and what is added to variances, which tensors do
    /// not tell.
    #[must_use]
    pub fn has_tensors_of(self, other: Self) -> bool {
        let same = match (self.backbone, other.backbone) {
            (Some(one), Some(other)) => one.is_twin_of(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same && self.head == other.head
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(backbone) = self.backbone {
            write!(f, "{backbone}-")?;
        }
        // Not `self.head.fmt(f)`: a head is Debug, too, and that would win.
        write!(f, "{}", self.head)
    }
}

/// Text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "architecture {text:?} is not known: use one of {heads}, or one of these behind a backbone, such as \
     efficientnet_lite0-yolov8n or efficientnet_b0-yolov8n",
    heads = heads::names()
)]
pub struct ParseDesignError {
    text: String,
}

impl FromStr for Design {
    type Err = ParseDesignError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ParseDesignError { text: text.chars().take(60).collect() };
        if let Ok(head) = text.parse() {
            return Ok(Self { backbone: None, head });
        }
        let (backbone, head) = match text.rsplit_once('-') {
            Some((backbone, head)) => (backbone, head.parse().map_err(|_| unknown())?),
            None => (text, Scale::N.head()),
        };
        Ok(Self { backbone: Some(backbone.parse().map_err(|_| unknown())?), head })
    }
}

/// Weights that are no detector's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArchitectureError {
    /// A tensor every YOLOv8 has is not there.
    #[error("there is no tensor `{name}`, which every YOLOv8 detector has")]
    Missing {
        /// Name of the tensor.
        name: &'static str,
    },
    /// A tensor has another shape than in any size of YOLOv8.
    #[error("tensor `{name}` has shape {found:?}, which is that of no YOLOv8 detector")]
    Shape {
        /// Name of the tensor.
        name: &'static str,
        /// Its shape.
        found: Vec<usize>,
    },
    /// The tensors below `model.trunk` make no known backbone.
    #[error("the tensors under `{BACKBONE_PREFIX}` make none of the known backbones")]
    Backbone,
}

/// What the shapes of its weights say about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// What turns pixels into features: none for what was published with the head.
    pub backbone: Option<&'static dyn Backbone>,
    /// Neck and head.
    pub head: &'static dyn DetectorHead,
    /// Classes it tells apart.
    pub classes: usize,
}

/// Prefix of the tensors of a backbone that is not the head's own.
pub const BACKBONE_PREFIX: &str = "model.trunk";
const LATERAL: &str = "model.lateral3.conv.weight";

impl Architecture {
    /// Maximum number of classes taken: far above any data set, far below what would exhaust memory.
    pub const MAX_CLASSES: usize = 10_000;

    /// YOLOv8 itself.
    #[must_use]
    pub const fn yolo(scale: Scale, classes: usize) -> Self {
        Self { backbone: None, head: scale.head(), classes }
    }

    /// This design with so many classes.
    #[must_use]
    pub const fn of(design: Design, classes: usize) -> Self {
        Self { backbone: design.backbone, head: design.head, classes }
    }

    /// All but the classes.
    #[must_use]
    pub const fn design(self) -> Design {
        Design { backbone: self.backbone, head: self.head }
    }

    /// Reads backbone, head and class count off the shapes of the first and the last convolutions. `shape` answers with the
    /// shape of a tensor by its name. Of twins the first is taken; see [`Design::has_tensors_of`].
    ///
    /// # Errors
    /// When these tensors are missing or fit no detector. The shapes of all others are checked when the network is built.
    pub fn infer(shape: impl Fn(&str) -> Option<Vec<usize>>) -> Result<Self, ArchitectureError> {
        let get = |name| shape(name).ok_or(ArchitectureError::Missing { name });
        let (backbone, head) = if let Some(lateral) = shape(LATERAL) {
            let outputs = lateral.first().copied();
            let head = heads::all()
                .find(|head| outputs == Some(head.channels().p3) && shape(head.class_tensor()).is_some())
                .ok_or(ArchitectureError::Shape { name: LATERAL, found: lateral })?;
            (Some(backbone_of(&shape).ok_or(ArchitectureError::Backbone)?), head)
        } else {
            let marked = |head: &&dyn DetectorHead| {
                let (name, wanted) = head.mark();
                shape(name).is_some_and(|found| found == wanted)
            };
            let first = Scale::N.mark().0;
            let found = get(first)?;
            (None, heads::all().find(marked).ok_or(ArchitectureError::Shape { name: first, found })?)
        };
        let name = head.class_tensor();
        match get(name)?.as_slice() {
            &[classes, _, 1, 1] if (1..=Self::MAX_CLASSES).contains(&classes) => Ok(Self { backbone, head, classes }),
            other => Err(ArchitectureError::Shape { name, found: other.to_vec() }),
        }
    }

    /// The same, as `design` names it where tensors do not tell.
    #[must_use]
    pub fn named(self, design: Design) -> Self {
        if self.design().has_tensors_of(design) { Self::of(design, self.classes) } else { self }
    }
}

#[cfg(feature = "candle")]
impl Architecture {
    /// The network as ONNX nodes: images (B, 3, H, W) in `0..=1` become (B, 4 + classes, A): centre x, centre y, width and height
    /// in pixels, then a probability per class.
    ///
    /// # Errors
    /// When a weight is missing, has another shape or is not finite.
    pub fn write(self, writer: &mut Writer<'_>, images: &GraphTensor, size: Size) -> Result<GraphTensor, EngineError> {
        let features = match self.backbone {
            None => self.head.write_backbone(writer, images)?,
            Some(backbone) => writer.lateral_backbone(images, backbone)?,
        };
        self.head.write(writer, &features, (self.classes, size))
    }
}

/// The backbone whose tensors lie there. A deeper network may hold all of a shallower one: the one with the most tensors is it.
fn backbone_of(shape: &impl Fn(&str) -> Option<Vec<usize>>) -> Option<&'static dyn Backbone> {
    let mut best: Option<(usize, &'static dyn Backbone)> = None;
    for backbone in backbones::all() {
        let mut wanted = backbone.convolutions();
        wanted.retain(|name, _| !backbone.only_for_features(name));
        let whole =
            wanted.iter().all(|(name, wanted)| shape(&format!("{BACKBONE_PREFIX}.{name}")).as_ref() == Some(wanted));
        if whole && best.is_none_or(|(max, _)| wanted.len() > max) {
            best = Some((wanted.len(), backbone));
        }
    }
    best.map(|(_, backbone)| backbone)
}
