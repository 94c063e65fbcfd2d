//! From a recognised photo to items of the queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipeline::Recognizer;
use store::NewObject;
use store::model::{NewItem, NewRecognition};
use vision::crop::CropRule;
use vision::phash::hash_of as image_hash;
use vision::{Recognition, RgbImage, Sha256, SkuStatus};

use crate::sampler::GalleryFacts;
use crate::{Pick, Picked, Queue, Source};

/// Longest time an answer waits for its items to be written.
const PATIENCE: Duration = Duration::from_secs(2);
/// Good enough to read a label by.
const QUALITY: u8 = 90;

/// Chosen, cut out, ready to be written.
#[derive(Debug)]
pub struct Prepared {
    reserved: Reserved,
    header: NewRecognition,
    items: Vec<NewItem>,
}

/// What was picked counts as waiting. Dropped before it is kept, it may be picked again: the store was not there, or the
/// client left.
#[derive(Debug)]
struct Reserved {
    queue: Arc<Queue>,
    picked: Picked,
    kept: bool,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.kept {
            self.queue.sampler().unpick(&self.picked);
        }
    }
}

/// A photo that was recognised.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Names the request.
    pub request_id: &'a str,
    /// As it came.
    pub photo: &'a Bytes,
    /// Of its bytes.
    pub digest: Sha256,
    /// Decoded, upright.
    pub image: &'a RgbImage,
    /// What was found on it.
    pub recognition: &'a Recognition,
    /// What found it.
    pub recognizer: &'a Recognizer,
    /// Since the request came.
    pub total: Duration,
    /// Whose photo it is.
    pub source: Source,
    /// Name and version of what found it, when it has one.
    pub release: Option<&'a str>,
    /// Of which test, and which side of it, when one runs.
    pub arm: Option<&'a str>,
}

/// Chooses on a worker thread: cutting out and encoding is work. `None` when nothing is worth a look.
#[must_use]
pub fn prepare(queue: &Arc<Queue>, seen: &Seen<'_>) -> Option<Box<Prepared>> {
    prepare_by(queue, seen, None)
}

/// The same of what a release in the shadow saw: those facings that `differs` says, by their place, and no others.
#[must_use]
pub fn prepare_differing(queue: &Arc<Queue>, seen: &Seen<'_>, differs: &[bool]) -> Option<Box<Prepared>> {
    prepare_by(queue, seen, Some(differs))
}

fn prepare_by(queue: &Arc<Queue>, seen: &Seen<'_>, differs: Option<&[bool]>) -> Option<Box<Prepared>> {
    let Seen { request_id, photo, digest, image, recognition, recognizer, total, source, release, arm } = *seen;
    let exemplars = queue.exemplars.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let threshold = |sku| recognizer.threshold(sku);
    let cut = |facing: usize| vision::crop(image, &recognition.items[facing].detection.bbox, CropRule::default());
    let hash = |facing| image_hash(&cut(facing));
    let facts = GalleryFacts {
        threshold: &threshold,
        exemplars: Some(&exemplars),
        image_hash: Some(&hash),
        gallery_version: recognizer.gallery_version(),
    };
    let at = store::model::now();
    let picked = match differs {
        None => queue.sampler().pick_from(Some(source), recognition, at, &facts),
        Some(differs) => queue.sampler().pick_differing(source, (recognition, differs), at, &facts),
    };
    let reserved = Reserved { queue: Arc::clone(queue), picked, kept: false };
    let picked = &reserved.picked;
    if picked.new.is_empty() && picked.again.is_empty() && picked.no_room == 0 {
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
            crop: jpeg(&cut(pick.facing))?.into(),
            embedder,
            embedding: item.embedding.as_ref()?.as_slice().to_vec(),
            image_hash: pick.image_hash,
            reasons: pick.reasons.clone(),
            uncertainty: pick.uncertainty,
            facings: pick.facings,
        });
    }
    let of = |status| recognition.items.iter().filter(|item| item.decision.status == status).count() as u32;
    let header = NewRecognition {
        request_id: request_id.to_owned(),
        detector: recognizer.detector().describe(),
        embedder: recognizer.embedder().describe(),
        gallery: recognizer.gallery().describe(),
        width: recognition.width,
        height: recognition.height,
        facings: recognition.items.len() as u32,
        ambiguous: of(SkuStatus::Ambiguous),
        unknown: of(SkuStatus::Unknown),
        total_ms: total.as_secs_f64() * 1e3,
        photo: (NewObject::hashed(digest, photo.clone()), media_type(photo)),
        release: release.map(str::to_owned),
        arm: arm.map(str::to_owned),
    };
    Some(Box::new(Prepared { reserved, header, items }))
}

/// What became of what was chosen.
#[derive(Debug)]
pub struct Written {
    /// Now in the queue, most uncertain first. Empty when the store could not be reached.
    pub queued: Vec<Pick>,
    /// Further facings that look like items which wait already: those became more urgent.
    pub seen_again: u32,
    /// Facings that were chosen and could not be written.
    pub lost: usize,
    /// Unsure facings for which the queue has no room: it takes no more of this source, or of anyone.
    pub no_room: usize,
}

impl Prepared {
    /// Writes into the queue that it was picked for, and tells what was queued, or that nothing could be.
    pub async fn write(self) -> Written {
        let Self { mut reserved, header, items } = self;
        let queue = Arc::clone(&reserved.queue);
        let chosen = items.len();
        let no_room = reserved.picked.no_room;
        reserved.kept = match queue.store().filter(|_| !queue.rests()) {
            _ if items.is_empty() && reserved.picked.again.is_empty() => true,
            None => false,
            Some(store) => {
                let write = store.enqueue(header, items, reserved.picked.again.clone());
                match tokio::time::timeout(PATIENCE, write).await {
                    Ok(Ok(_)) => true,
                    Ok(Err(error)) => {
                        queue.failed(&error);
                        false
                    }
                    Err(_) => {
                        queue.failed(&store::StoreError::Unavailable {
                            what: "review queue",
                            source: format!("no answer within {} s", PATIENCE.as_secs()).into(),
                        });
                        false
                    }
                }
            }
        };
        if !reserved.kept {
            return Written { queued: Vec::new(), seen_again: 0, lost: chosen, no_room };
        }
        let seen_again = reserved.picked.again.iter().map(|(_, times)| times).sum();
        Written { queued: std::mem::take(&mut reserved.picked.new), seen_again, lost: 0, no_room }
    }
}

/// `None` for a crop that no JPEG can hold, which no photo within the limits gives.
pub(crate) fn jpeg(crop: &RgbImage) -> Option<Bytes> {
    vision::encode_jpeg(crop, QUALITY).ok().map(Bytes::from)
}

/// By its first bytes; decoding has shown that it is one of these.
#[must_use]
pub fn media_type(photo: &[u8]) -> &'static str {
    match photo {
        [0x89, b'P', ..] => "image/png",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        _ => "image/jpeg",
    }
}
