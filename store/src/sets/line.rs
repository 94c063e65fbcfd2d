//! A photo of a set, as a line of JSON.

use serde::{Deserialize, Serialize};
use vision::Sha256;

use crate::photos::{Facing, Photo};

/// A box, as `shelf` writes it in sets: what a machine or a person said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineBox {
    /// `x1, y1, x2, y2` in pixels of the upright photo.
    #[serde(rename = "box")]
    pub corners: [f32; 4],
    /// Such as `bottle`.
    pub class: String,
    /// Code of the SKU; none for what is of no known one.
    #[serde(default)]
    pub sku: Option<String>,
    /// Of the detector, 0 to 1; none for what a person drew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Cosine similarity to the best exemplar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
}

/// Who says that the boxes are complete and right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The reviewer.
    pub by: String,
    /// RFC 3339.
    pub at: String,
    /// Of the annotation.
    pub version: i64,
}

/// A photo of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetLine {
    /// SHA-256 of the image.
    pub photo: Sha256,
    /// The image, relative to the set.
    pub image: String,
    /// Its size.
    pub bytes: u64,
    /// Pixels of the upright image.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// Of how it looks, 16 hexadecimal digits; none for a blank image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// When it was answered, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Name and version of what answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelf: Option<String>,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
    /// Who verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// What it is used for, where the set is split: `train`, `val` or `test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What stays in one part with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it shows.
    pub boxes: Vec<LineBox>,
}

impl SetLine {
    /// Of a photo, with these boxes.
    #[must_use]
    pub fn of(photo: &Photo, boxes: &[Facing], verified: Option<Verified>) -> Self {
        Self {
            photo: photo.photo,
            image: super::SetName::image(photo.photo, &photo.extension),
            bytes: photo.bytes,
            width: photo.width,
            height: photo.height,
            hash: photo.image_hash.map(|hash| format!("{hash:016x}")),
            at: Some(time(photo.at)),
            release: Some(photo.release.clone()),
            store: photo.store.clone(),
            shelf: photo.shelf.clone(),
            taken_at: photo.taken_at.map(time),
            verified,
            part: None,
            group: None,
            boxes: boxes.iter().map(LineBox::of).collect(),
        }
    }

    /// Its hash as a number.
    #[must_use]
    pub fn image_hash(&self) -> Option<u64> {
        self.hash.as_deref().and_then(|text| u64::from_str_radix(text, 16).ok())
    }

    /// Extension of the image's name.
    #[must_use]
    pub fn extension(&self) -> &str {
        self.image.rsplit_once('.').map_or("jpg", |(_, extension)| extension)
    }
}

impl LineBox {
    fn of(facing: &Facing) -> Self {
        Self {
            corners: facing.corners,
            class: facing.class.clone(),
            sku: facing.code.clone(),
            confidence: facing.confidence,
            similarity: facing.similarity,
        }
    }
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn time(at: crate::model::Timestamp) -> String {
    vision::time::timestamp(at.max(0).unsigned_abs() / 1_000)
}
