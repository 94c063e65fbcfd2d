//! From a recognised photo to items of the queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use pipeline::Recognizer;
use pipeline::review::sampler::GalleryFacts;
use pipeline::review::{Picked, picture_hash};
use store::model::{NewItem, NewRecognition};
use vision::crop::CropRule;
use vision::{Recognition, RgbImage, SkuStatus};

use super::Inner;
use crate::wire::answer::{QueuedItem, RecognizeAnswer, Release, Review};

/// Longest time an answer waits for its items to be written.
const PATIENCE: Duration = Duration::from_secs(2);
/// Good enough to read a label by.
const QUALITY: u8 = 90;

/// Chosen, cut out, ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared {
    reserved: Reserved,
    header: NewRecognition,
    items: Vec<NewItem>,
}

/// What was picked counts as waiting. Dropped before it is kept, it may be picked again: the store was not there, or the
/// client left.
#[derive(Debug)]
struct Reserved {
    inner: Arc<Inner>,
    picked: Picked,
    kept: bool,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.kept {
            self.inner.sampler().unpick(&self.picked);
        }
    }
}

/// A photo that was recognised.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) request_id: &'a str,
    /// As it came.
    pub(crate) photo: &'a Bytes,
    pub(crate) image: &'a RgbImage,
    pub(crate) recognition: &'a Recognition,
    pub(crate) recognizer: &'a Recognizer,
    /// Since the request came.
    pub(crate) total: Duration,
}

/// Chooses on a worker thread: cutting out and encoding is work. `None` when nothing is worth a look.
pub(crate) fn prepare(inner: &Arc<Inner>, seen: &Seen<'_>) -> Option<Box<Prepared>> {
    let Seen { request_id, photo, image, recognition, recognizer, total } = *seen;
    let exemplars = inner.exemplars.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let threshold = |sku| recognizer.threshold(sku);
    let cut = |facing: usize| vision::crop(image, &recognition.items[facing].detection.bbox, CropRule::default());
    let hash = |facing| picture_hash(&cut(facing));
    let facts = GalleryFacts {
        threshold: &threshold,
        exemplars: Some(&exemplars),
        picture_hash: Some(&hash),
        edition: recognizer.edition(),
    };
    let picked = inner.sampler().pick(recognition, store::model::now(), &facts);
    let reserved = Reserved { inner: Arc::clone(inner), picked, kept: false };
    let picked = &reserved.picked;
    if picked.new.is_empty() && picked.again.is_empty() {
        return None;
    }
    let classes = recognizer.detector().classes();
    let embedder = recognizer.embedder().fingerprint();
    let mut items = Vec::with_capacity(picked.new.len());
    for pick in &picked.new {
        let item = &recognition.items[pick.facing];
        let decision = &item.decision;
        items.push(NewItem {
            id: pick.item.clone(),
            facing: pick.facing as u32,
            class: classes.get(item.detection.class.index()).cloned().unwrap_or_default(),
            confidence: item.detection.confidence,
            bbox: item.detection.bbox,
            decision: decision.status.as_str(),
            sku: decision.candidates.first().map(|candidate| candidate.sku),
            similarity: decision.similarity,
            margin: decision.margin,
            candidates: decision.candidates.iter().map(|c| (c.sku, c.similarity)).collect(),
            crop: jpeg(&cut(pick.facing))?,
            embedder,
            embedding: item.embedding.as_ref()?.as_slice().to_vec(),
            picture_hash: pick.picture_hash,
            reasons: pick.reasons.clone(),
            uncertainty: pick.uncertainty,
            facings: pick.facings,
        });
    }
    let release = Release::of(recognizer);
    let of = |status| recognition.items.iter().filter(|item| item.decision.status == status).count() as u32;
    let header = NewRecognition {
        request_id: request_id.to_owned(),
        detector: release.detector,
        embedder: release.embedder,
        gallery: release.gallery,
        width: recognition.width,
        height: recognition.height,
        facings: recognition.items.len() as u32,
        ambiguous: of(SkuStatus::Ambiguous),
        unknown: of(SkuStatus::Unknown),
        total_ms: total.as_secs_f64() * 1e3,
        photo: (photo.clone(), media_type(photo)),
    };
    Some(Box::new(Prepared { reserved, header, items }))
}

impl Prepared {
    /// Writes, and tells the answer what was queued, or that nothing could be. Gives the foremost reason of each item that
    /// was queued, and how many could not be.
    pub(crate) async fn write(self, inner: &Inner, answer: Option<&mut RecognizeAnswer>) -> (Vec<&'static str>, usize) {
        let Self { mut reserved, header, items } = self;
        let picked = &reserved.picked;
        let chosen = items.len();
        let seen_again = picked.again.iter().map(|(_, times)| times).sum();
        let written = match inner.store().filter(|_| !inner.rests()) {
            None => false,
            Some(store) => {
                let write = store.enqueue(header, items, picked.again.clone());
                match tokio::time::timeout(PATIENCE, write).await {
                    Ok(Ok(_)) => true,
                    Ok(Err(error)) => {
                        inner.failed(&error);
                        false
                    }
                    Err(_) => {
                        inner.failed(&store::StoreError::Unavailable {
                            what: "review queue",
                            source: format!("no answer within {} s", PATIENCE.as_secs()).into(),
                        });
                        false
                    }
                }
            }
        };
        reserved.kept = written;
        let picked = &reserved.picked;
        let reasons = picked.new.iter().filter_map(|pick| pick.reasons.first()).map(|reason| reason.as_str()).collect();
        let outcome = if written { (reasons, 0) } else { (Vec::new(), chosen) };
        let Some(answer) = answer else { return outcome };
        if written {
            let items = picked.new.iter().map(QueuedItem::from).collect::<Vec<_>>();
            answer.review = Review {
                queued: items.len() as u32,
                item_ids: items.iter().map(|item| item.item_id.clone()).collect(),
                items,
                seen_again,
            };
        } else if chosen > 0 {
            answer.warnings.push(format!(
                "the review queue cannot be reached at the moment, so {chosen} unsure facings were not put aside for a person"
            ));
        }
        outcome
    }
}

/// `None` for a crop that no JPEG can hold, which no photo within the limits gives.
pub(super) fn jpeg(crop: &RgbImage) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(crop.as_raw().len() / 6);
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(crop).ok()?;
    Some(bytes.into())
}

/// By its first bytes; decoding has shown that it is one of these.
pub(crate) fn media_type(photo: &[u8]) -> &'static str {
    match photo {
        [0x89, b'P', ..] => "image/png",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        _ => "image/jpeg",
    }
}
