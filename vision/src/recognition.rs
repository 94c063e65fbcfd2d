//! The answer for one photo.

use std::fmt;

use crate::{Detection, DetectionTrace, Embedding, Sku, SkuId};

/// How sure the identification of one facing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkuStatus {
    /// Counted under its SKU.
    Known,
    /// Near to more than one SKU: the best is named but a person should look.
    Ambiguous,
    /// Not near enough to anything enrolled.
    Unknown,
}

impl SkuStatus {
    /// Stable lower-case spelling used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Ambiguous => "ambiguous",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a decision came out as it did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Similar enough, and clearly ahead of the runner-up.
    Accepted,
    /// Two SKUs were about equally near; the neighbours in the row decided.
    RowContext,
    /// Below its threshold, but on a photo on which next to nothing is foreign.
    PhotoContext,
    /// The best similarity is below the threshold.
    BelowThreshold {
        /// Threshold in force.
        threshold: f32,
    },
    /// Above its threshold, but all facings of the photo together make it likelier that it is no enrolled product.
    LikelyForeign,
    /// The runner-up SKU is too close.
    MarginTooSmall {
        /// Margin in force.
        required: f32,
        /// The SKU that is too close.
        runner_up: SkuId,
    },
    /// It looks most like what a person said is no container.
    NotAContainer,
    /// Nothing is enrolled.
    EmptyGallery,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("similar enough and clearly ahead of the runner-up"),
            Self::PhotoContext => {
                f.write_str("a little less similar than its SKU asks for, but hardly anything on this photo is unknown")
            }
            Self::LikelyForeign => {
                f.write_str("much of this photo is not enrolled, and this is likelier so than its SKU")
            }
            Self::RowContext => {
                f.write_str("two SKUs were about equally near, and its neighbours in the row are this one")
            }
            Self::BelowThreshold { threshold } => write!(f, "best similarity is below the threshold {threshold:.2}"),
            Self::MarginTooSmall { required, .. } => {
                write!(f, "runner-up SKU is closer than the required margin {required:.2}")
            }
            Self::NotAContainer => f.write_str("it looks like what a person said is not a container"),
            Self::EmptyGallery => f.write_str("no SKU is enrolled in the gallery"),
        }
    }
}

/// A SKU that a crop might be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The SKU.
    pub sku: SkuId,
    /// Cosine similarity of its best exemplar.
    pub similarity: f32,
    /// What the vote gave it, in units of similarity: candidates are ranked by it.
    pub score: f32,
}

/// What one crop was taken for.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Known, ambiguous or unknown.
    pub status: SkuStatus,
    /// Reason.
    pub reason: Reason,
    /// The winner; `None` when unknown.
    pub sku: Option<SkuId>,
    /// Similarity of the best candidate (0 for an empty gallery).
    pub similarity: f32,
    /// Lead over the runner-up SKU; equals `similarity` when there is no runner-up.
    pub margin: f32,
    /// Chance that the best candidate is right, `0..=1`; `None` where the gallery is not calibrated.
    pub probability: Option<f32>,
    /// Best first, one entry a SKU.
    pub candidates: Vec<Candidate>,
}

/// One facing: where it is and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizedItem {
    /// Where and of which class.
    pub detection: Detection,
    /// Which SKU.
    pub decision: Decision,
    /// Kept only when asked for.
    pub embedding: Option<Embedding>,
    /// Whether tiles of the photo, or a second model, saw something else here.
    pub disagreement: bool,
}

/// Facings of one SKU in one photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuCount {
    /// The SKU.
    pub sku: Sku,
    /// How many facings.
    pub count: u32,
}

/// Everything found in one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// Width of the upright photo in pixels.
    pub width: u32,
    /// Height of the upright photo in pixels.
    pub height: u32,
    /// Facings, most confident first.
    pub items: Vec<RecognizedItem>,
    /// SKUs seen, most facings first. Only `known` and `ambiguous` facings are counted.
    pub counts: Vec<SkuCount>,
    /// Facings that are of no enrolled SKU.
    pub unknown_count: u32,
    /// What the detector looked at.
    pub trace: DetectionTrace,
    /// What the reader should know ("more than 300 facings: the list was cut").
    pub warnings: Vec<String>,
}
