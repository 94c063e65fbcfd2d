//! What is kept of a photo.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vision::Sha256;

use crate::error::StoreError;
use crate::model::{Timestamp, spelled};

spelled! {
    /// Where the verification of a photo stands.
    VerifyStatus ("status") {
        /// Nobody has looked at it.
        Open => "open",
        /// Somebody has; another one must.
        Second => "second",
        /// Its boxes are complete and right.
        Verified => "verified",
    }
}

/// A box on a photo and what it holds, as an answer or a person says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facing {
    /// `x1, y1, x2, y2` in pixels of the upright photo.
    #[serde(rename = "box")]
    pub corners: [f32; 4],
    /// Such as `bottle`.
    pub class: String,
    /// Number of the SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<u32>,
    /// Its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of the detector, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Cosine similarity to the best exemplar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
}

/// A photo to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPhoto {
    /// Id of the organisation whose photo it is.
    pub organisation: String,
    /// When it was answered.
    pub at: Timestamp,
    /// Names the request.
    pub request_id: String,
    /// Name and version of what answered.
    pub release: String,
    /// Where it was taken, when the client says so.
    pub store: Option<String>,
    /// Of what.
    pub shelf: Option<String>,
    /// When.
    pub taken_at: Option<Timestamp>,
    /// Of the file.
    pub photo: Sha256,
    /// The file as it was sent.
    pub file: Bytes,
    /// Its extension by its format, such as `jpg`.
    pub extension: &'static str,
    /// Pixels of the upright photo.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// Of how it looks; `None` for a blank photo.
    pub image_hash: Option<u64>,
    /// The answer.
    pub answer: Vec<Facing>,
}

/// A photo that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Of the file; its name.
    pub photo: Sha256,
    /// When it was answered.
    pub at: Timestamp,
    /// Names the request.
    pub request_id: String,
    /// Name and version of what answered.
    pub release: String,
    /// Where it was taken.
    pub store: Option<String>,
    /// Of what.
    pub shelf: Option<String>,
    /// When.
    pub taken_at: Option<Timestamp>,
    /// Name of the file in the bucket of photos.
    pub object: String,
    /// Its extension.
    pub extension: String,
    /// Its size.
    pub bytes: u64,
    /// Pixels of the upright photo.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// Of how it looks.
    pub image_hash: Option<u64>,
    /// The answer.
    pub answer: Vec<Facing>,
    /// Where its verification stands.
    pub status: VerifyStatus,
    /// Of the annotation that counts; 0 while nobody has looked.
    pub version: i64,
    /// Who has it at hand, and until when.
    pub claim: Option<(String, Timestamp)>,
}
