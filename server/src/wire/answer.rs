//! From the domain to the JSON of an answer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use pipeline::{Recognizer, Timing};
use review::{Pick, Written};
use serde::Serialize;
use utoipa::ToSchema;
use vision::{BBox, Recognition, Sha256, SkuId, SkuIndex};

use super::trace::TraceAnswer;

/// Everything found on one photo.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecognizeAnswer {
    /// Also in the header `x-request-id` and in the log.
    #[schema(example = "0194f3a2-7c1e-7f00-8000-2b6d1f0c9a11")]
    pub request_id: String,
    /// Which models and gallery answered.
    pub release: Release,
    /// The photo that was looked at.
    pub image: ImageInfo,
    /// Where the time went.
    pub timing_ms: TimingMs,
    /// At which scales the photo was looked at.
    #[serde(rename = "looked")]
    pub trace: TraceAnswer,
    /// Facings, most confident first.
    pub detections: Vec<DetectionAnswer>,
    /// Facings per SKU, most first. Ambiguous facings count under their best SKU.
    pub counts: Vec<Count>,
    /// Facings of no enrolled SKU.
    pub unknown_count: u32,
    /// What was put aside for a person to look at.
    pub review: Review,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// The photo with boxes and names, JPEG as base64. Only with `annotate=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotated_image: Option<String>,
}

/// Names with digests of what answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Release {
    /// Name and version in the registry; absent when what is configured answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "shelf@1.2")]
    pub version: Option<String>,
    /// Of which A/B test, and which side of it; absent while none runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "new-embedder/b")]
    pub arm: Option<String>,
    /// What finds containers.
    pub detector: String,
    /// What embeds crops.
    pub embedder: String,
    /// What knows the SKUs.
    pub gallery: String,
}

/// The upright photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImageInfo {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Of the file as it was sent.
    pub sha256: String,
}

/// Milliseconds per stage.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TimingMs {
    /// Waiting for a worker.
    pub queue: f64,
    /// File to pixels.
    pub decode: f64,
    /// Finding containers.
    pub detect: f64,
    /// Cutting them out.
    pub crop: f64,
    /// Crops to embeddings.
    pub embed: f64,
    /// Nearest exemplars and decision.
    pub search: f64,
    /// From the last byte of the photo to its answer, drawing included.
    pub total: f64,
}

/// One facing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DetectionAnswer {
    /// Its place in this list.
    pub id: usize,
    /// Pixels of the upright photo.
    #[serde(rename = "box")]
    pub bbox: PixelBox,
    /// Kind of container.
    #[schema(example = "bottle")]
    pub class: String,
    /// Its number in `/classes`.
    pub class_id: u16,
    /// Of the detector, 0 to 1.
    pub confidence: f64,
    /// What it is; `null` when unknown.
    pub sku: Option<SkuAnswer>,
    /// Cosine similarity to the best exemplar, -1 to 1.
    pub similarity: f64,
    /// Lead over the runner-up SKU.
    pub margin: f64,
    /// Chance that the first candidate is right, 0 to 1; `null` without candidates.
    pub probability: Option<f64>,
    /// How sure.
    pub status: Status,
    /// Why, in words.
    pub reason: String,
    /// Best first, one entry a SKU.
    pub candidates: Vec<CandidateAnswer>,
    /// L2-normalised. Only with `return_embeddings=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Vec<f32>>,
}

/// Corners in pixels; `x2` and `y2` are exclusive edges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct PixelBox {
    /// Left.
    pub x1: f64,
    /// Top.
    pub y1: f64,
    /// Right.
    pub x2: f64,
    /// Bottom.
    pub y2: f64,
}

/// How sure the identification of a facing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Near to one SKU.
    Known,
    /// Near to more than one.
    Ambiguous,
    /// Near to none.
    Unknown,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SkuAnswer {
    /// Stable number.
    pub id: u32,
    /// Unique code.
    #[schema(example = "sku_001_absolut_vodka")]
    pub code: String,
    /// What people read.
    #[schema(example = "Absolut Vodka")]
    pub name: String,
}

/// A product a facing might be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CandidateAnswer {
    /// The SKU.
    pub sku: SkuAnswer,
    /// Cosine similarity of its best exemplar.
    pub similarity: f64,
}

/// Facings of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    /// The SKU.
    pub sku: SkuAnswer,
    /// How many.
    pub count: u32,
}

/// What was put aside for a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct Review {
    /// How many facings.
    pub queued: u32,
    /// Their items in the review queue.
    pub item_ids: Vec<String>,
    /// The same with their reasons, most uncertain first.
    pub items: Vec<QueuedItem>,
    /// Further facings that look like items which wait already: those became more urgent.
    pub seen_again: u32,
}

/// A facing put aside for a person, and why.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct QueuedItem {
    /// In the review queue.
    pub item_id: String,
    /// `id` of the detection.
    pub detection: usize,
    /// The foremost first.
    #[schema(example = json!(["unknown", "low_confidence"]))]
    pub reasons: Vec<String>,
    /// 0 to 1.
    pub uncertainty: f64,
}

impl From<&Pick> for QueuedItem {
    fn from(pick: &Pick) -> Self {
        Self {
            item_id: pick.item.clone(),
            detection: pick.facing,
            reasons: pick.reasons.iter().map(ToString::to_string).collect(),
            uncertainty: rounded(pick.uncertainty, 4),
        }
    }
}

/// What an answer says beside what was found.
#[derive(Clone, Copy)]
pub struct AnswerContext<'a> {
    /// Names the request in answer, header and log.
    pub request_id: &'a str,
    /// Of the file as it was sent.
    pub photo: Sha256,
    /// What answered.
    pub recognizer: &'a Recognizer,
    /// Which version of the registry that is.
    pub version: Option<&'a str>,
    /// Of which test, and which side of it.
    pub arm: Option<&'a str>,
    /// Where the time went.
    pub timing: Timing,
    /// From arrival to a worker.
    pub queued: Duration,
    /// From arrival to answer.
    pub total: Duration,
    /// The annotated photo, JPEG.
    pub annotated: Option<&'a [u8]>,
    /// Whether facings carry their embeddings.
    pub embeddings: bool,
}

impl RecognizeAnswer {
    /// The answer for one photo.
    #[must_use]
    pub fn new(recognition: &Recognition, context: &AnswerContext<'_>) -> Self {
        let AnswerContext { request_id, photo, recognizer, version, arm, timing, queued, total, annotated, embeddings } =
            *context;
        let gallery = &**recognizer.gallery();
        let classes = recognizer.detector().classes();
        Self {
            request_id: request_id.to_owned(),
            release: Release { arm: arm.map(str::to_owned), ..Release::of(recognizer, version) },
            image: ImageInfo { width: recognition.width, height: recognition.height, sha256: photo.to_string() },
            timing_ms: TimingMs {
                queue: milliseconds(queued),
                decode: milliseconds(timing.decode),
                detect: milliseconds(timing.detect),
                crop: milliseconds(timing.crop),
                embed: milliseconds(timing.embed),
                search: milliseconds(timing.search),
                total: milliseconds(total),
            },
            trace: (&recognition.trace).into(),
            detections: recognition
                .items
                .iter()
                .enumerate()
                .map(|(id, item)| DetectionAnswer::new(id, item, classes, gallery, embeddings))
                .collect(),
            counts: recognition.counts.iter().map(|c| Count { sku: (&c.sku).into(), count: c.count }).collect(),
            unknown_count: recognition.unknown_count,
            review: Review::default(),
            warnings: recognition.warnings.clone(),
            annotated_image: annotated.map(|jpeg| STANDARD.encode(jpeg)),
        }
    }

    /// Tells what was put aside for a person, or that it could not be.
    pub fn put_aside(&mut self, written: &Written) {
        let items: Vec<QueuedItem> = written.queued.iter().map(QueuedItem::from).collect();
        self.review = Review {
            queued: items.len() as u32,
            item_ids: items.iter().map(|item| item.item_id.clone()).collect(),
            items,
            seen_again: written.seen_again,
        };
        if written.lost > 0 {
            self.warnings.push(format!(
                "the review queue cannot be reached at the moment, so {} unsure facings were not put aside for a person",
                written.lost
            ));
        }
        if written.no_room > 0 {
            self.warnings.push(format!(
                "{} unsure facings were not put aside for a person: the review queue has taken as many as it may of this \
                 client, or of all (`review.limits` of the configuration)",
                written.no_room
            ));
        }
    }

    /// As JSON.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        Bytes::from(serde_json::to_vec(self).expect("an answer is plain data"))
    }
}

impl Release {
    /// What answers, of this version in the registry where it has one.
    #[must_use]
    pub fn of(recognizer: &Recognizer, version: Option<&str>) -> Self {
        Self {
            version: version.map(str::to_owned),
            arm: None,
            detector: recognizer.detector().describe(),
            embedder: recognizer.embedder().describe(),
            gallery: recognizer.gallery().describe(),
        }
    }
}

impl DetectionAnswer {
    fn new(
        id: usize,
        item: &vision::RecognizedItem,
        classes: &[String],
        gallery: &dyn SkuIndex,
        embeddings: bool,
    ) -> Self {
        let vision::RecognizedItem { detection, decision, embedding, disagreement: _ } = item;
        // A SKU removed since the search has no name any more.
        let sku = |id: SkuId| gallery.sku(id).map(|sku| SkuAnswer::from(&*sku));
        let class = classes.get(detection.class.index()).cloned();
        Self {
            id,
            bbox: detection.bbox.into(),
            class: class.unwrap_or_else(|| format!("class {}", detection.class.0)),
            class_id: detection.class.0,
            confidence: rounded(detection.confidence, 4),
            sku: decision.sku.and_then(sku),
            similarity: rounded(decision.similarity, 4),
            margin: rounded(decision.margin, 4),
            probability: decision.probability.map(|p| rounded(p, 4)),
            status: decision.status.into(),
            reason: decision.reason.to_string(),
            candidates: decision
                .candidates
                .iter()
                .filter_map(|c| Some(CandidateAnswer { sku: sku(c.sku)?, similarity: rounded(c.similarity, 4) }))
                .collect(),
            embedding: embedding.as_ref().filter(|_| embeddings).map(|e| e.as_slice().to_vec()),
        }
    }
}

impl From<BBox> for PixelBox {
    fn from(b: BBox) -> Self {
        Self { x1: rounded(b.x1, 2), y1: rounded(b.y1, 2), x2: rounded(b.x2, 2), y2: rounded(b.y2, 2) }
    }
}

impl From<&vision::Sku> for SkuAnswer {
    fn from(sku: &vision::Sku) -> Self {
        Self { id: sku.id.0, code: sku.code.clone(), name: sku.name.clone() }
    }
}

impl From<vision::SkuStatus> for Status {
    fn from(status: vision::SkuStatus) -> Self {
        match status {
            vision::SkuStatus::Known => Self::Known,
            vision::SkuStatus::Ambiguous => Self::Ambiguous,
            vision::SkuStatus::Unknown => Self::Unknown,
        }
    }
}

/// Digits beyond what is measured only make answers longer.
pub(crate) fn rounded(value: f32, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (f64::from(value) * scale).round() / scale
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}
