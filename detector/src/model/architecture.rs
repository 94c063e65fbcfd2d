//! Which network a set of weights is: its backbone, its size, its classes.

use std::fmt;
use std::str::FromStr;

use engine::efficientnet::{self, VARIANTS, layout};
use thiserror::Error;

use super::Scale;

/// What turns pixels into features at strides 8, 16 and 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BackboneKind {
    /// YOLOv8's own.
    #[default]
    Yolo,
    /// An EfficientNet.
    EfficientNet(efficientnet::Architecture),
}

/// A network but for its classes, as model cards name it: `yolov8n`; `efficientnet_lite0-yolov8n` for YOLOv8n's neck and
/// head on EfficientNet-Lite0, which reads also from `efficientnet_lite0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Design {
    /// Its backbone.
    pub backbone: BackboneKind,
    /// Size of YOLOv8, or of its neck and head.
    pub scale: Scale,
}

impl Design {
    /// Whether weights of the one fit the other: all but where zeros go and what is added to variances, which tensors do
    /// not tell.
    #[must_use]
    pub fn has_tensors_of(self, other: Self) -> bool {
        let same = match (self.backbone, other.backbone) {
            (BackboneKind::EfficientNet(one), BackboneKind::EfficientNet(other)) => one.variant == other.variant,
            (one, other) => one == other,
        };
        same && self.scale == other.scale
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.backbone {
            BackboneKind::Yolo => self.scale.fmt(f),
            BackboneKind::EfficientNet(variant) => write!(f, "{variant}-{}", self.scale),
        }
    }
}

/// Text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "architecture {0:?} is not known: use yolov8n, yolov8s, yolov8m, yolov8l or yolov8x, or one of these behind a backbone, \
     such as efficientnet_lite0-yolov8n or efficientnet_b0-yolov8n"
)]
pub struct ParseDesignError(String);

impl FromStr for Design {
    type Err = ParseDesignError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ParseDesignError(text.chars().take(60).collect());
        if let Ok(scale) = text.parse() {
            return Ok(Self { backbone: BackboneKind::Yolo, scale });
        }
        let (variant, scale) = match text.split_once('-') {
            Some((variant, scale)) => (variant, scale.parse().map_err(|_| unknown())?),
            None => (text, Scale::N),
        };
        Ok(Self { backbone: BackboneKind::EfficientNet(variant.parse().map_err(|_| unknown())?), scale })
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
    /// The tensors below `model.trunk` make no known EfficientNet.
    #[error("the tensors under `{BACKBONE_PREFIX}` make none of the known EfficientNets")]
    Backbone,
}

/// What the shapes of its weights say about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// What sees.
    pub backbone: BackboneKind,
    /// Size.
    pub scale: Scale,
    /// Classes it tells apart.
    pub classes: usize,
}

/// Prefix of an EfficientNet's tensors.
pub const BACKBONE_PREFIX: &str = "model.trunk";
const FIRST: &str = "model.0.conv.weight";
const LATERAL: &str = "model.lateral3.conv.weight";
const LAST: &str = "model.22.cv3.0.2.weight";

impl Architecture {
    /// Maximum number of classes taken: far above any data set, far below what would exhaust memory.
    pub const MAX_CLASSES: usize = 10_000;

    /// YOLOv8 itself.
    #[must_use]
    pub const fn yolo(scale: Scale, classes: usize) -> Self {
        Self { backbone: BackboneKind::Yolo, scale, classes }
    }

    /// This design with so many classes.
    #[must_use]
    pub const fn of(design: Design, classes: usize) -> Self {
        Self { backbone: design.backbone, scale: design.scale, classes }
    }

    /// All but the classes.
    #[must_use]
    pub const fn design(self) -> Design {
        Design { backbone: self.backbone, scale: self.scale }
    }

    /// Reads backbone, size and class count off the shapes of the first and the last convolutions. `shape` answers with the
    /// shape of a tensor by its name. An EfficientNet other than Lite0 is taken for timm's; see [`Design::has_tensors_of`].
    ///
    /// # Errors
    /// When these tensors are missing or fit no detector. The shapes of all others are checked when the network is built.
    pub fn infer(shape: impl Fn(&str) -> Option<Vec<usize>>) -> Result<Self, ArchitectureError> {
        let get = |name| shape(name).ok_or(ArchitectureError::Missing { name });
        let (backbone, scale) = if let Some(lateral) = shape(LATERAL) {
            let outputs = lateral.first().copied();
            let scale = Scale::ALL
                .into_iter()
                .find(|scale| outputs == Some(scale.channels(256)))
                .ok_or(ArchitectureError::Shape { name: LATERAL, found: lateral })?;
            (BackboneKind::EfficientNet(variant(&shape).ok_or(ArchitectureError::Backbone)?), scale)
        } else {
            let first = get(FIRST)?;
            let scale = Scale::ALL
                .into_iter()
                .find(|scale| first == [scale.channels(64), 3, 3, 3])
                .ok_or(ArchitectureError::Shape { name: FIRST, found: first })?;
            (BackboneKind::Yolo, scale)
        };
        match get(LAST)?.as_slice() {
            &[classes, _, 1, 1] if (1..=Self::MAX_CLASSES).contains(&classes) => Ok(Self { backbone, scale, classes }),
            other => Err(ArchitectureError::Shape { name: LAST, found: other.to_vec() }),
        }
    }

    /// The same, as `design` names it where tensors do not tell.
    #[must_use]
    pub fn named(self, design: Design) -> Self {
        if self.design().has_tensors_of(design) { Self::of(design, self.classes) } else { self }
    }
}

fn variant(shape: &impl Fn(&str) -> Option<Vec<usize>>) -> Option<efficientnet::Architecture> {
    let found = |name: &str| shape(&format!("{BACKBONE_PREFIX}.{name}"));
    VARIANTS
        .into_iter()
        .filter(|variant| variant.is_lite() == found("blocks.0.0.se.conv_reduce.weight").is_none())
        .find(|&variant| {
            let config = efficientnet::Config::of(variant);
            // A deeper network holds all of a shallower one of the same width.
            let whole = config
                .stages
                .iter()
                .enumerate()
                .all(|(stage, s)| found(&format!("blocks.{stage}.{}.conv_dw.weight", s.repeats)).is_none());
            let mut convolutions = layout::convolutions(&config).into_iter();
            whole && convolutions.all(|(name, shape)| name.starts_with("conv_head.") || found(&name) == Some(shape))
        })
        .map(|variant| efficientnet::Architecture { variant, tensorflow: variant.is_lite() })
}
