//! What is kept, as values. No JSON here: the server has its own wire types.

use std::fmt;
use std::str::FromStr;

use vision::{BBox, ExemplarId, Sha256, SkuId};

use crate::error::StoreError;
use crate::objects::NewObject;

pub use crate::moment::{Timestamp, now};

/// Spells an enum's variants in the database and on the wire.
macro_rules! spelled {
    ($(#[$meta:meta])* $name:ident ($what:literal) { $($(#[$doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Stable lower-case spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = StoreError;

            fn from_str(text: &str) -> Result<Self, StoreError> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
                    StoreError::invalid($what, text, format!("one of {}", all.join(", ")))
                })
            }
        }
    };
}

pub(crate) use spelled;

spelled! {
    /// Where an item stands.
    ItemStatus ("status") {
        /// Waits for a person.
        Open => "open",
        /// A person has answered.
        Labelled => "labelled",
        /// Two people answered differently: a third decides.
        Conflict => "conflict",
    }
}

spelled! {
    /// Why an item was put into the queue.
    Reason ("reason") {
        /// Taken blindly, for estimates without bias.
        Random => "random",
        /// Near to nothing enrolled.
        Unknown => "unknown",
        /// Two SKUs are about equally near.
        SmallMargin => "small_margin",
        /// Close to the line between known and unknown.
        NearThreshold => "near_threshold",
        /// Known, but not very similar to any exemplar.
        LowSimilarity => "low_similarity",
        /// The detector was unsure.
        LowConfidence => "low_confidence",
        /// Unlike everything queued before.
        Novelty => "novelty",
        /// Taken for a SKU with few exemplars.
        RareSku => "rare_sku",
        /// Tiles of the photo, or two models, saw different things.
        Disagreement => "disagreement",
        /// A release that is tried in the shadow of the one in production saw something else.
        Shadow => "shadow",
    }
}

spelled! {
    /// What kind of answer a label is.
    LabelKind ("kind") {
        /// It is this SKU.
        Sku => "sku",
        /// It is a SKU that was not enrolled yet.
        NewSku => "new_sku",
        /// There is no bottle, can or glass in the box.
        NotAContainer => "not_a_container",
        /// The box is wrong; here is the right one.
        WrongBox => "wrong_box",
        /// The image does not show enough.
        CannotTell => "cannot_tell",
        /// Not now.
        Skip => "skip",
        /// Takes another label back.
        Undo => "undo",
    }
}

spelled! {
    /// Whether a SKU is in the catalogue.
    SkuState ("status") {
        /// In the catalogue.
        Active => "active",
        /// Taken out.
        Retired => "retired",
    }
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueSku {
    /// Stable number.
    pub id: SkuId,
    /// Unique code.
    pub code: String,
    /// What people read.
    pub name: String,
    /// Trade number on the barcode.
    pub gtin: Option<String>,
    /// Maker.
    pub brand: Option<String>,
    /// Such as `330 ml`.
    pub size: Option<String>,
    /// Whether it is in the catalogue.
    pub status: SkuState,
}

/// A product to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSku {
    /// Made from the name when absent.
    pub code: Option<String>,
    /// What people read.
    pub name: String,
    /// Trade number on the barcode.
    pub gtin: Option<String>,
    /// Maker.
    pub brand: Option<String>,
    /// Such as `330 ml`.
    pub size: Option<String>,
}

/// A photo that was recognised and of which something was queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecognition {
    /// Of the request.
    pub request_id: String,
    /// What found containers.
    pub detector: String,
    /// What embedded crops.
    pub embedder: String,
    /// What knew the SKUs.
    pub gallery: String,
    /// Pixels of the upright photo.
    pub width: u32,
    /// Pixels of the upright photo.
    pub height: u32,
    /// All facings found.
    pub facings: u32,
    /// Facings near to more than one SKU.
    pub ambiguous: u32,
    /// Facings near to none.
    pub unknown: u32,
    /// From arrival to answer.
    pub total_ms: f64,
    /// The file as it was sent, and its media type.
    pub photo: (NewObject, &'static str),
    /// Name and version of what answered, when it has one.
    pub release: Option<String>,
    /// Of which test, and which side of it, when one runs.
    pub arm: Option<String>,
}

/// A facing worth a person's time.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// UUID v7, chosen by whoever queues it.
    pub id: String,
    /// Its place in the answer.
    pub facing: u32,
    /// Kind of container.
    pub class: String,
    /// Of the detector.
    pub confidence: f32,
    /// Pixels of the upright photo.
    pub bbox: BBox,
    /// `known`, `ambiguous`, `unknown`.
    pub decision: &'static str,
    /// What it was taken for, or came nearest to.
    pub sku: Option<SkuId>,
    /// To the nearest exemplar.
    pub similarity: f32,
    /// Lead over the runner-up.
    pub margin: f32,
    /// Best first.
    pub candidates: Vec<(SkuId, f32)>,
    /// The facing cut out, JPEG.
    pub crop: NewObject,
    /// Digest of what made the embedding.
    pub embedder: Sha256,
    /// Of the crop.
    pub embedding: Vec<f32>,
    /// 64-bit hash of how the crop looks; `None` for one that shows nothing.
    pub image_hash: Option<u64>,
    /// At least one, the foremost first.
    pub reasons: Vec<Reason>,
    /// `0..=1`.
    pub uncertainty: f32,
    /// Facings that look the same.
    pub facings: u32,
}

/// The answer in force for an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Number of the label.
    pub label: i64,
    /// What kind.
    pub kind: LabelKind,
    /// Which SKU, if one.
    pub sku: Option<SkuId>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// An item of the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// UUID v7.
    pub id: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Which photo.
    pub recognition: String,
    /// Digest of the photo's file.
    pub photo: String,
    /// Pixels of the upright photo.
    pub photo_size: (u32, u32),
    /// Its place in the answer.
    pub facing: u32,
    /// Kind of container.
    pub class: String,
    /// Of the detector.
    pub confidence: f64,
    /// Pixels of the upright photo.
    pub bbox: BBox,
    /// `known`, `ambiguous`, `unknown`.
    pub decision: String,
    /// What it was taken for, or came nearest to.
    pub sku: Option<SkuId>,
    /// To the nearest exemplar.
    pub similarity: f64,
    /// Lead over the runner-up.
    pub margin: f64,
    /// Best first.
    pub candidates: Vec<(SkuId, f64)>,
    /// Digest of the cut-out image.
    pub crop: String,
    /// Foremost first.
    pub reasons: Vec<Reason>,
    /// How soon; larger is sooner.
    pub priority: f64,
    /// Facings that look the same, and that one label settles.
    pub facings: u32,
    /// How often it was put off.
    pub skips: u32,
    /// Where it stands.
    pub status: ItemStatus,
    /// Who works on it, and until when.
    pub claim: Option<(String, Timestamp)>,
    /// The answer in force.
    pub verdict: Option<Verdict>,
    /// Further reviewers who said the same.
    pub agreements: u32,
}

/// A line of an item's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Number, ascending over the whole database.
    pub seq: i64,
    /// Of which item.
    pub item: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub reviewer: String,
    /// What kind.
    pub kind: LabelKind,
    /// Which SKU.
    pub sku: Option<SkuId>,
    /// The corrected box.
    pub bbox: Option<BBox>,
    /// Words.
    pub comment: Option<String>,
    /// Which label this one takes back.
    pub undoes: Option<i64>,
    /// Where the item stood before and after.
    pub status: (ItemStatus, ItemStatus),
}

/// Words about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// UUID v7.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub author: String,
    /// Text of the comment.
    pub body: String,
}

/// An exemplar that labels or folders gave the gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredExemplar {
    /// Stable number.
    pub id: ExemplarId,
    /// What it shows; [`SkuId::NOT_A_CONTAINER`] for a negative one.
    pub sku: SkuId,
    /// Where it came from.
    pub origin: String,
    /// Digest of its image.
    pub image: Sha256,
    /// What made the embedding.
    pub embedder: Sha256,
    /// L2-normalised.
    pub embedding: Vec<f32>,
    /// Whether it is in the gallery.
    pub active: bool,
}

/// `f32` components as bytes, little-endian, bit for bit.
pub(crate) fn to_bytes(embedding: &[f32]) -> Vec<u8> {
    embedding.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The components again.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Vec<f32>, StoreError> {
    if !bytes.len().is_multiple_of(4) {
        return Err(StoreError::Damaged { what: "embedding", value: format!("{} bytes", bytes.len()) });
    }
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

/// A digest out of the database.
pub(crate) fn digest(text: &str) -> Result<Sha256, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: "digest", value: crate::error::shorten(text) })
}

/// A new name: UUID v7, which sorts by time.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
