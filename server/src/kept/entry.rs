//! A photo and its answer, as they are kept.

use bytes::Bytes;
use pipeline::Recognizer;
use review::media_type;
use store::access::DEFAULT_ORGANISATION;
use store::model::{Timestamp, now};
use store::photos::{Facing, NewPhoto};
use vision::phash::hash_of;
use vision::{Recognition, RecognizedItem, RgbImage, Sha256};

/// What a client sent, and what answers.
pub(crate) struct Sent<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) release: &'a str,
    pub(crate) store: Option<&'a str>,
    pub(crate) shelf: Option<&'a str>,
    pub(crate) taken_at: Option<Timestamp>,
    pub(crate) file: &'a Bytes,
}

/// The file as it was sent, and what was said of it.
pub(crate) fn entry(
    sent: &Sent<'_>,
    (image, recognition): (&RgbImage, &Recognition),
    recognizer: &Recognizer,
    photo: Sha256,
) -> NewPhoto {
    NewPhoto {
        organisation: DEFAULT_ORGANISATION.to_owned(),
        at: now(),
        request_id: sent.request_id.to_owned(),
        release: sent.release.to_owned(),
        store: sent.store.map(str::to_owned),
        shelf: sent.shelf.map(str::to_owned),
        taken_at: sent.taken_at,
        photo,
        extension: extension(sent.file),
        file: sent.file.clone(),
        width: recognition.width,
        height: recognition.height,
        image_hash: hash_of(image),
        answer: recognition.items.iter().map(|item| facing(item, recognizer)).collect(),
    }
}

fn facing(item: &RecognizedItem, recognizer: &Recognizer) -> Facing {
    let bbox = item.detection.bbox;
    let class = recognizer.detector().classes().get(item.detection.class.index());
    let sku = item.decision.sku;
    Facing {
        corners: [bbox.x1, bbox.y1, bbox.x2, bbox.y2],
        class: class.cloned().unwrap_or_default(),
        sku: sku.map(|sku| sku.0),
        code: sku.and_then(|sku| recognizer.gallery().sku(sku).map(|sku| sku.code.clone())),
        confidence: Some(item.detection.confidence),
        similarity: Some(item.decision.similarity),
    }
}

fn extension(file: &[u8]) -> &'static str {
    match media_type(file) {
        "image/png" => "png",
        "image/webp" => "webp",
        "image/heic" => "heic",
        _ => "jpg",
    }
}
