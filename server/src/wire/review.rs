//! From the queue to JSON.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use store::model::{CatalogueSku, Comment, Item, Label, Timestamp};
use store::{Store, StoreError};
use utoipa::ToSchema;
use vision::SkuId;

use super::answer::{PixelBox, SkuAnswer};

/// Exemplar images named per candidate.
const IMAGES: u32 = 3;

/// An item of the review queue.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ItemAnswer {
    /// Names it in every other call.
    #[schema(example = "0194f3a2-7c1e-7f00-8000-2b6d1f0c9a11")]
    pub id: String,
    /// `open`, `labelled` or `conflict`.
    pub status: String,
    /// When it was queued, milliseconds since 1970 in UTC.
    pub created_at_ms: Timestamp,
    /// Why, the foremost first.
    #[schema(example = json!(["unknown", "low_confidence"]))]
    pub reasons: Vec<String>,
    /// How soon: uncertainty times facings.
    pub priority: f64,
    /// Facings that look the same, and that one label settles.
    pub facings: u32,
    /// How often it was put off.
    pub skips: u32,
    /// Kind of container.
    pub class: String,
    /// Of the detector.
    pub confidence: f64,
    /// Pixels of the upright photo.
    #[serde(rename = "box")]
    pub bbox: PixelBox,
    /// `known`, `ambiguous` or `unknown`: what recognition said.
    pub decision: String,
    /// What it was taken for, or came nearest to.
    pub sku: Option<SkuAnswer>,
    /// Cosine similarity to the nearest exemplar.
    pub similarity: f64,
    /// Lead over the runner-up.
    pub margin: f64,
    /// Best first.
    pub candidates: Vec<ReviewCandidate>,
    /// Where the cut-out image lies.
    pub crop: String,
    /// The photo it stands on.
    pub photo: ReviewPhoto,
    /// Who works on it.
    pub claim: Option<ClaimAnswer>,
    /// What people said, if it holds.
    pub verdict: Option<VerdictAnswer>,
    /// Further people who said the same.
    pub agreements: u32,
}

/// A SKU it might be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReviewCandidate {
    /// The SKU.
    pub sku: SkuAnswer,
    /// Cosine similarity of its best exemplar.
    pub similarity: f64,
    /// Where images of it lie, newest first. Exemplars enrolled from a folder have none here.
    #[serde(rename = "pictures")]
    pub images: Vec<String>,
}

/// A photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReviewPhoto {
    /// Where it lies.
    pub url: String,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
}

/// Who works on an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClaimAnswer {
    /// Name of the reviewer.
    pub reviewer: String,
    /// Until when, milliseconds since 1970 in UTC.
    pub until_ms: Timestamp,
}

/// The answer in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VerdictAnswer {
    /// Number of the label.
    pub label_id: i64,
    /// `sku`, `new_sku`, `not_a_container`, `wrong_box` or `cannot_tell`.
    pub kind: String,
    /// Which SKU, if one.
    pub sku: Option<SkuAnswer>,
    /// When, milliseconds since 1970 in UTC.
    pub at_ms: Timestamp,
    /// By whom.
    pub reviewer: String,
}

/// A label, as it was given.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LabelAnswer {
    /// Ascending over the whole database.
    pub id: i64,
    /// Of which item.
    pub item_id: String,
    /// When, milliseconds since 1970 in UTC.
    pub at_ms: Timestamp,
    /// By whom.
    pub reviewer: String,
    /// What kind.
    pub kind: String,
    /// Which SKU.
    pub sku: Option<SkuAnswer>,
    /// The corrected box.
    #[serde(rename = "box")]
    pub bbox: Option<PixelBox>,
    /// Words.
    pub comment: Option<String>,
    /// Which label it takes back.
    pub undoes: Option<i64>,
    /// Where the item stood before.
    pub before: String,
    /// Where the item stands after.
    pub after: String,
}

/// Words about an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommentAnswer {
    /// Its name.
    pub id: String,
    /// When, milliseconds since 1970 in UTC.
    pub at_ms: Timestamp,
    /// By whom.
    pub author: String,
    /// Text of the comment.
    pub text: String,
}

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CatalogueAnswer {
    /// Stable number.
    pub id: u32,
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
    /// Where images of it lie.
    #[serde(rename = "pictures")]
    pub images: Vec<String>,
}

/// Names of SKUs, and images of them.
#[derive(Debug, Default)]
pub(crate) struct Names {
    skus: HashMap<SkuId, SkuAnswer>,
    images: HashMap<SkuId, Vec<String>>,
}

impl Names {
    /// Of all SKUs that `items` speak of.
    pub(crate) async fn of_items(store: &Store, items: &[Item], images: bool) -> Result<Self, StoreError> {
        let of = |item: &Item| {
            let candidates = item.candidates.iter().map(|(sku, _)| *sku).collect::<Vec<_>>();
            candidates.into_iter().chain(item.sku).chain(item.verdict.as_ref().and_then(|verdict| verdict.sku))
        };
        Self::of(store, items.iter().flat_map(of).collect(), images).await
    }

    pub(crate) async fn of(store: &Store, ids: BTreeSet<SkuId>, images: bool) -> Result<Self, StoreError> {
        let ids: Vec<SkuId> = ids.into_iter().collect();
        let skus = store.skus(&ids).await?;
        let mut names = Self { skus: skus.iter().map(|sku| (sku.id, sku.into())).collect(), ..Self::default() };
        if images {
            for (sku, digest) in store.exemplar_images(&ids, IMAGES).await? {
                names.images.entry(sku).or_default().push(image(&digest.to_string()));
            }
        }
        Ok(names)
    }

    fn sku(&self, id: SkuId) -> Option<SkuAnswer> {
        self.skus.get(&id).cloned()
    }

    pub(crate) fn images(&self, id: SkuId) -> Vec<String> {
        self.images.get(&id).cloned().unwrap_or_default()
    }

    pub(crate) fn item(&self, item: &Item) -> ItemAnswer {
        let candidate = |&(sku, similarity): &(SkuId, f64)| {
            Some(ReviewCandidate { sku: self.sku(sku)?, similarity: four(similarity), images: self.images(sku) })
        };
        ItemAnswer {
            id: item.id.clone(),
            status: item.status.to_string(),
            created_at_ms: item.created_at,
            reasons: item.reasons.iter().map(ToString::to_string).collect(),
            priority: four(item.priority),
            facings: item.facings,
            skips: item.skips,
            class: item.class.clone(),
            confidence: four(item.confidence),
            bbox: item.bbox.into(),
            decision: item.decision.clone(),
            sku: item.sku.and_then(|sku| self.sku(sku)),
            similarity: four(item.similarity),
            margin: four(item.margin),
            candidates: item.candidates.iter().filter_map(candidate).collect(),
            crop: image(&item.crop),
            photo: ReviewPhoto { url: image(&item.photo), width: item.photo_size.0, height: item.photo_size.1 },
            claim: item.claim.clone().map(|(reviewer, until_ms)| ClaimAnswer { reviewer, until_ms }),
            verdict: item.verdict.as_ref().map(|verdict| VerdictAnswer {
                label_id: verdict.label,
                kind: verdict.kind.to_string(),
                sku: verdict.sku.and_then(|sku| self.sku(sku)),
                at_ms: verdict.at,
                reviewer: verdict.by.clone(),
            }),
            agreements: item.agreements,
        }
    }

    pub(crate) fn label(&self, label: &Label) -> LabelAnswer {
        LabelAnswer {
            id: label.seq,
            item_id: label.item.clone(),
            at_ms: label.at,
            reviewer: label.reviewer.clone(),
            kind: label.kind.to_string(),
            sku: label.sku.and_then(|sku| self.sku(sku)),
            bbox: label.bbox.map(PixelBox::from),
            comment: label.comment.clone(),
            undoes: label.undoes,
            before: label.status.0.to_string(),
            after: label.status.1.to_string(),
        }
    }
}

impl From<&CatalogueSku> for SkuAnswer {
    fn from(sku: &CatalogueSku) -> Self {
        Self { id: sku.id.0, code: sku.code.clone(), name: sku.name.clone() }
    }
}

impl CatalogueAnswer {
    pub(crate) fn new(sku: CatalogueSku, images: Vec<String>) -> Self {
        let CatalogueSku { id, code, name, gtin, brand, size, .. } = sku;
        Self { id: id.0, code, name, gtin, brand, size, images }
    }
}

impl From<Comment> for CommentAnswer {
    fn from(comment: Comment) -> Self {
        let Comment { id, at, author, body } = comment;
        Self { id, at_ms: at, author, text: body }
    }
}

/// Where an image lies.
pub(crate) fn image(digest: &str) -> String {
    format!("/v2/active-learning/picture/{digest}")
}

fn four(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
