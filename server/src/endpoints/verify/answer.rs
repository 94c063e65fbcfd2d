//! A photo and what was said of it, as clients see it.

use serde::{Deserialize, Serialize};
use store::photos::{Facing, Photo};
use store::verify::Annotation;
use utoipa::ToSchema;

/// A box on a photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyBox {
    /// `[x1, y1, x2, y2]` in pixels of the upright photo.
    #[serde(rename = "box")]
    #[schema(example = json!([12.0, 30.5, 80.0, 210.0]))]
    pub(crate) corners: [f32; 4],
    /// Kind of container.
    #[schema(example = "bottle")]
    pub(crate) class: String,
    /// Number of the SKU; null for what is of no known one.
    #[serde(default)]
    pub(crate) sku_id: Option<u32>,
    /// Its code; not read.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// Of the detector, 0 to 1; not read.
    #[serde(default)]
    pub(crate) confidence: Option<f32>,
    /// Cosine similarity to the best exemplar; not read.
    #[serde(default)]
    pub(crate) similarity: Option<f32>,
}

/// A photo to be verified.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhotoAnswer {
    /// SHA-256 of the file.
    pub(crate) photo: String,
    /// Where the file is.
    pub(crate) image: String,
    /// Pixels of the upright photo.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// When it was answered, RFC 3339.
    pub(crate) at: String,
    /// What answered.
    pub(crate) release: String,
    /// Where it was taken.
    pub(crate) store: Option<String>,
    /// Of what.
    pub(crate) shelf: Option<String>,
    /// `open`, `second` or `verified`.
    #[schema(example = "open")]
    pub(crate) status: &'static str,
    /// Of the boxes: saved on top of another one, they are refused.
    pub(crate) version: i64,
    /// As people left them last; in version 0 as they were answered.
    pub(crate) boxes: Vec<VerifyBox>,
    /// As they were answered: what boxes can snap to.
    pub(crate) proposals: Vec<VerifyBox>,
    /// Who has it at hand.
    pub(crate) claimed_by: Option<String>,
}

/// What somebody said of a photo.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnnotationAnswer {
    /// 1, 2, ...
    pub(crate) version: i64,
    /// RFC 3339.
    pub(crate) at: String,
    /// Who.
    pub(crate) reviewer: String,
    /// Whether it made the photo verified.
    pub(crate) verified: bool,
    /// Boxes in it.
    pub(crate) boxes: usize,
}

/// RFC 3339 in UTC.
pub(crate) fn time(at: store::model::Timestamp) -> String {
    vision::time::timestamp(at.max(0).unsigned_abs() / 1_000)
}

impl From<&Facing> for VerifyBox {
    fn from(facing: &Facing) -> Self {
        let Facing { corners, class, sku, code, confidence, similarity } = facing.clone();
        Self { corners, class, sku_id: sku, code, confidence, similarity }
    }
}

impl From<VerifyBox> for Facing {
    fn from(given: VerifyBox) -> Self {
        let VerifyBox { corners, class, sku_id, .. } = given;
        Self { corners, class, sku: sku_id, code: None, confidence: None, similarity: None }
    }
}

impl PhotoAnswer {
    /// With what was said of it last, if anything was.
    pub(crate) fn of(photo: &Photo, last: Option<&Annotation>) -> Self {
        let boxes = |facings: &[Facing]| facings.iter().map(VerifyBox::from).collect();
        let now = store::model::now();
        Self {
            photo: photo.photo.to_string(),
            image: format!("/review/verify/photos/{}/image", photo.photo),
            width: photo.width,
            height: photo.height,
            at: time(photo.at),
            release: photo.release.clone(),
            store: photo.store.clone(),
            shelf: photo.shelf.clone(),
            status: photo.status.as_str(),
            version: photo.version,
            boxes: boxes(last.map_or(&photo.answer, |annotation| &annotation.boxes)),
            proposals: boxes(&photo.answer),
            claimed_by: photo.claim.as_ref().filter(|(_, until)| *until > now).map(|(by, _)| by.clone()),
        }
    }
}

impl From<&Annotation> for AnnotationAnswer {
    fn from(annotation: &Annotation) -> Self {
        Self {
            version: annotation.version,
            at: time(annotation.at),
            reviewer: annotation.reviewer.clone(),
            verified: annotation.verified.is_some(),
            boxes: annotation.boxes.len(),
        }
    }
}
