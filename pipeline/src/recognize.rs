//! Detect, crop, embed, search, decide, count.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use classifier::gallery::vote::decide_by;
use rayon::prelude::*;
use thiserror::Error;
use vision::decode::UnusualForm;
use vision::{
    Cancel, Decision, DecodeError, DetectOptions, Detection, DetectionTrace, Detections, Detector, Embedder, Embedding,
    ExemplarId, ModelError, Neighbor, Reason, Recognition, RecognizedItem, RgbImage, SkuId, SkuIndex,
};

use crate::context;
use crate::count::count;
use crate::prior;
use crate::release::{RecognizerSettings, Release};
use crate::second_opinion::SecondOpinion;
use crate::timing::Timing;

/// What may differ from request to request.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizeOptions {
    /// How containers are found.
    pub detect: DetectOptions,
    /// Candidates named per facing.
    pub top_k: usize,
    /// Whether answers carry the embeddings.
    pub keep_embeddings: bool,
}

impl Default for RecognizeOptions {
    fn default() -> Self {
        Self { detect: DetectOptions::default(), top_k: 5, keep_embeddings: false }
    }
}

/// A photo on its way in.
#[derive(Debug, Clone)]
pub enum Photo {
    /// A file's bytes, yet to be decoded.
    Encoded(bytes::Bytes),
    /// Upright pixels.
    Pixels(RgbImage),
}

/// The answer for one photo.
#[derive(Debug)]
pub struct Recognized {
    /// What was found.
    pub recognition: Recognition,
    /// The upright photo, for annotation.
    pub image: RgbImage,
    /// Where the time went.
    pub timing: Timing,
}

/// Why one photo has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecognizeError {
    /// The bytes are not a photo.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A network failed; all photos of the batch share the cause.
    #[error(transparent)]
    Model(#[from] Arc<ModelError>),
}

/// A release over a gallery: the one it came with, or one that has learned since. Clones share both.
#[derive(Clone)]
pub struct Recognizer {
    release: Arc<Release>,
    gallery: Arc<dyn SkuIndex>,
    /// The release's, by their numbers in this gallery.
    sku_thresholds: Arc<HashMap<SkuId, f32>>,
    gallery_version: u64,
}

impl fmt::Debug for Recognizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.gallery_version;
        f.debug_struct("Recognizer").field("gallery_version", version).finish_non_exhaustive()
    }
}

/// SKUs that are compared for a facing, at least.
const CANDIDATES: usize = 5;

impl Release {
    /// Answers with the gallery as it was released.
    #[must_use]
    pub fn recognizer(self) -> Recognizer {
        let gallery = Arc::clone(&self.gallery);
        Recognizer::new(Arc::new(self), gallery)
    }
}

/// A photo that was decoded, and what the detector found on it.
struct Seen {
    image: RgbImage,
    detections: Vec<Detection>,
    disagreement: Vec<bool>,
    trace: DetectionTrace,
    timing: Timing,
}

impl Recognizer {
    /// Answers with a release over a gallery that its embedder made.
    #[must_use]
    pub fn new(release: Arc<Release>, gallery: Arc<dyn SkuIndex>) -> Self {
        let sku_thresholds = Arc::new(release.thresholds_in(&*gallery));
        Self { release, gallery, sku_thresholds, gallery_version: 0 }
    }

    /// The same release over another gallery.
    #[must_use]
    pub fn with_gallery(&self, gallery: Arc<dyn SkuIndex>) -> Self {
        Self { gallery_version: self.gallery_version, ..Self::new(Arc::clone(&self.release), gallery) }
    }

    /// With another embedder that is asked about every facing: where it names another SKU, the facing is marked.
    #[must_use]
    pub fn with_second_opinion(mut self, second: Option<SecondOpinion>) -> Self {
        Arc::make_mut(&mut self.release).second = second;
        self
    }

    /// What answers.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Tells, without holding it, whether the release is still in memory: it leaves with the last recogniser that answers with it.
    #[must_use]
    pub fn in_memory(&self) -> Weak<Release> {
        Arc::downgrade(&self.release)
    }

    pub(crate) fn decide(&self, neighbors: &[Neighbor], top_k: usize) -> Decision {
        // One at least: the winner's probability is asked for.
        let rule = &self.release.settings.rule;
        let mut decision = decide_by(neighbors, rule, |sku| Some(self.threshold(Some(sku))), top_k.max(1));
        let winner = decision.candidates.first().filter(|_| decision.reason != Reason::NotAContainer);
        decision.probability =
            winner.and_then(|winner| self.gallery.probability(winner.sku, decision.similarity, decision.margin));
        decision.candidates.truncate(top_k);
        decision
    }

    /// What the gallery says of embeddings, each without the vote of the exemplar that was made of it.
    ///
    /// # Errors
    /// When an embedding has another dimension than the gallery.
    pub fn decide_without(&self, facings: &[(Embedding, ExemplarId)]) -> Result<Vec<Decision>, ModelError> {
        let found = self.gallery.search_without(facings, self.release.settings.rule.k)?;
        Ok(found.iter().map(|neighbors| self.decide(neighbors, 1)).collect())
    }

    /// Minimum similarity with which a SKU is known.
    #[must_use]
    pub fn threshold(&self, sku: Option<SkuId>) -> f32 {
        let own = sku.and_then(|sku| self.sku_thresholds.get(&sku).copied());
        let settings = &self.release.settings;
        let calibrated = || sku.filter(|_| settings.calibrated).and_then(|sku| self.gallery.threshold(sku));
        own.or_else(calibrated).unwrap_or(settings.rule.threshold)
    }

    /// What finds containers.
    #[must_use]
    pub fn detector(&self) -> &Arc<dyn Detector> {
        &self.release.detector
    }

    /// What embeds crops.
    #[must_use]
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.release.embedder
    }

    /// What knows the SKUs.
    #[must_use]
    pub fn gallery(&self) -> &Arc<dyn SkuIndex> {
        &self.gallery
    }

    /// Which state of a gallery that people change this one is over: the later, the larger. 0 for a gallery that stays.
    #[must_use]
    pub fn gallery_version(&self) -> u64 {
        self.gallery_version
    }

    /// The same, over that state of its gallery.
    #[must_use]
    pub fn with_gallery_version(self, gallery_version: u64) -> Self {
        Self { gallery_version, ..self }
    }

    /// What stays the same from request to request.
    #[must_use]
    pub fn settings(&self) -> &RecognizerSettings {
        &self.release.settings
    }

    /// Decodes within this recogniser's limits.
    ///
    /// # Errors
    /// When the bytes are not a photo.
    pub fn decode(&self, bytes: &[u8]) -> Result<RgbImage, DecodeError> {
        vision::decode(bytes, &self.release.settings.limits)
    }

    /// One result per photo, in order: a photo that cannot be decoded does not fail its neighbours.
    #[must_use]
    pub fn recognize(&self, photos: Vec<Photo>, options: &RecognizeOptions) -> Vec<Result<Recognized, RecognizeError>> {
        self.recognize_until(photos, options, &Cancel::never())
    }

    /// As [`Recognizer::recognize`], given up between stages, tiles and batches of crops when nobody waits any more: then those
    /// that were not refused before fail with [`ModelError::Cancelled`].
    #[must_use]
    pub fn recognize_until(
        &self,
        photos: Vec<Photo>,
        options: &RecognizeOptions,
        cancel: &Cancel,
    ) -> Vec<Result<Recognized, RecognizeError>> {
        if cancel.is_cancelled() {
            let error = Arc::new(ModelError::Cancelled);
            return photos.iter().map(|_| Err(Arc::clone(&error).into())).collect();
        }
        let unusual: Vec<_> = photos.iter().map(|photo| self.unusual_orientation(photo)).collect();
        let decoded = self.decode_all(photos);
        let mut results: Vec<Option<Result<Recognized, RecognizeError>>> = Vec::with_capacity(decoded.len());
        let (mut places, mut readable) = (Vec::new(), Vec::new());
        for (at, photo) in decoded.into_iter().enumerate() {
            match photo {
                Ok((image, decode)) => {
                    results.push(None);
                    places.push(at);
                    readable.push((image, decode));
                }
                Err(error) => results.push(Some(Err(error.into()))),
            }
        }
        match self.recognize_decoded(readable, options, cancel) {
            Ok(answers) => {
                for (at, answer) in places.into_iter().zip(answers) {
                    results[at] = Some(Ok(answer));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for at in places {
                    results[at] = Some(Err(Arc::clone(&error).into()));
                }
            }
        }
        for (result, form) in results.iter_mut().zip(unusual) {
            if let (Some(Ok(answer)), Some(form)) = (result, form) {
                answer.recognition.warnings.push(form.to_string());
            }
        }
        results.into_iter().map(|result| result.expect("every photo was answered or refused")).collect()
    }

    /// The form of a photo's orientation, where it lies otherwise in other programs.
    fn unusual_orientation(&self, photo: &Photo) -> Option<UnusualForm> {
        match photo {
            Photo::Pixels(_) => None,
            Photo::Encoded(bytes) => vision::decode::header(bytes, &self.release.settings.limits).ok()?.unusual,
        }
    }

    fn decode_all(&self, photos: Vec<Photo>) -> Vec<Result<(RgbImage, Duration), DecodeError>> {
        let decode = |photo| match photo {
            Photo::Pixels(image) => Ok((image, Duration::ZERO)),
            Photo::Encoded(bytes) => {
                let start = Instant::now();
                self.decode(&bytes).map(|image| (image, start.elapsed()))
            }
        };
        // A lone photo, the usual case of a CPU server, stays on the thread that took it.
        if photos.len() == 1 {
            photos.into_iter().map(decode).collect()
        } else {
            photos.into_par_iter().map(decode).collect()
        }
    }

    fn recognize_decoded(
        &self,
        photos: Vec<(RgbImage, Duration)>,
        options: &RecognizeOptions,
        cancel: &Cancel,
    ) -> Result<Vec<Recognized>, ModelError> {
        if photos.is_empty() {
            return Ok(Vec::new());
        }
        self.identify_seen(self.detect(photos, options, cancel)?, options, cancel)
    }

    /// Identifies and counts facings that are known to stand at `detections`: what the answer would be if the detector made no
    /// mistake.
    ///
    /// # Errors
    /// When a network fails.
    pub fn identify(
        &self,
        image: RgbImage,
        detections: Vec<Detection>,
        options: &RecognizeOptions,
    ) -> Result<Recognized, ModelError> {
        let disagreement = vec![false; detections.len()];
        let seen =
            vec![Seen { image, detections, disagreement, trace: DetectionTrace::default(), timing: Timing::default() }];
        let answer = self.identify_seen(seen, options, &Cancel::never())?.pop();
        answer
            .ok_or_else(|| ModelError::UnexpectedOutput { expected: "an answer".to_owned(), found: "none".to_owned() })
    }

    fn identify_seen(
        &self,
        seen: Vec<Seen>,
        options: &RecognizeOptions,
        cancel: &Cancel,
    ) -> Result<Vec<Recognized>, ModelError> {
        let batch = seen.len() as u32;
        let facings: usize = seen.iter().map(|photo| photo.detections.len()).sum();

        cancel.check()?;
        let start = Instant::now();
        let crops: Vec<RgbImage> = seen
            .iter()
            .flat_map(|photo| {
                photo.detections.iter().map(|d| vision::crop(&photo.image, &d.bbox, self.release.settings.crop))
            })
            .collect();
        let crop_time = start.elapsed();

        let start = Instant::now();
        let embeddings =
            if crops.is_empty() { Vec::new() } else { self.release.embedder.embed_until(&crops, cancel)? };
        if embeddings.len() != facings {
            return Err(ModelError::UnexpectedOutput {
                expected: format!("{facings} embeddings"),
                found: format!("{}", embeddings.len()),
            });
        }
        drop(crops);
        let second = self.ask_again(&seen, cancel)?;
        let embed_time = start.elapsed();

        cancel.check()?;
        let start = Instant::now();
        // The row decides among candidates, also where fewer are answered.
        let candidates = options.top_k.max(CANDIDATES);
        let neighbors = self.gallery.search_wide(&embeddings, self.release.settings.rule.k, candidates)?;
        let search_time = start.elapsed();

        let mut found = embeddings.into_iter().zip(neighbors).zip(second);
        let answers = seen.into_iter().map(|photo| {
            let each = |time: Duration| {
                if facings == 0 { time / batch } else { time.mul_f64(photo.detections.len() as f64 / facings as f64) }
            };
            let mut timing = photo.timing;
            (timing.crop, timing.embed, timing.search) = (each(crop_time), each(embed_time), each(search_time));
            let detected = photo.detections.iter().zip(&photo.disagreement).zip(found.by_ref());
            let items = detected.map(|((&detection, &disagreement), ((embedding, neighbors), second))| {
                let decision = self.decide(&neighbors, candidates);
                let item = RecognizedItem {
                    detection,
                    decision,
                    embedding: options.keep_embeddings.then_some(embedding),
                    disagreement,
                };
                (item, second)
            });
            let (mut items, second): (Vec<RecognizedItem>, Vec<_>) = items.unzip();
            let settings = &self.release.settings;
            let gallery = &*self.gallery;
            let fixed = |sku: SkuId| self.sku_thresholds.contains_key(&sku);
            let foreign = if settings.photo_prior {
                prior::apply(&mut items, gallery, settings.rule.margin, fixed)
            } else {
                None
            };
            context::apply(&mut items, settings.row_context, |sku, similarity, margin| {
                let by_photo = foreign.filter(|_| !fixed(sku));
                by_photo
                    .and_then(|foreign| prior::accepts(gallery, foreign, (sku, similarity, margin)))
                    .unwrap_or_else(|| similarity >= self.threshold(Some(sku)))
            });
            for (item, second) in items.iter_mut().zip(second) {
                if item.decision.reason == Reason::RowContext {
                    let Decision { sku, similarity, margin, .. } = item.decision;
                    item.decision.probability = sku.and_then(|sku| self.gallery.probability(sku, similarity, margin));
                }
                item.disagreement |= self.differs(&item.decision, second.as_deref());
                item.decision.candidates.truncate(options.top_k);
            }
            let recognition = self.answer(&photo.image, items, photo.trace, options);
            Recognized { recognition, image: photo.image, timing }
        });
        Ok(answers.collect())
    }

    fn detect(
        &self,
        photos: Vec<(RgbImage, Duration)>,
        options: &RecognizeOptions,
        cancel: &Cancel,
    ) -> Result<Vec<Seen>, ModelError> {
        let start = Instant::now();
        let (images, decode_times): (Vec<RgbImage>, Vec<Duration>) = photos.into_iter().unzip();
        let found = self.release.detector.detect_until(&images, &options.detect, cancel)?;
        if found.len() != images.len() {
            return Err(ModelError::UnexpectedOutput {
                expected: format!("detections of {} photos", images.len()),
                found: format!("of {}", found.len()),
            });
        }
        let detect = start.elapsed() / images.len() as u32;
        let seen = images.into_iter().zip(decode_times).zip(found).map(|((image, decode), found)| {
            let Detections { detections, mut disagreement, trace } = found;
            disagreement.resize(detections.len(), false);
            Seen { image, detections, disagreement, trace, timing: Timing { decode, detect, ..Timing::default() } }
        });
        Ok(seen.collect())
    }

    /// The code of the SKU that the second opinion is sure of, by facing.
    fn ask_again(&self, seen: &[Seen], cancel: &Cancel) -> Result<Vec<Option<Arc<str>>>, ModelError> {
        let facings = || seen.iter().flat_map(|photo| photo.detections.iter().map(|d| (&photo.image, d.bbox)));
        match &self.release.second {
            Some(second) => second.ask(facings(), &self.release.settings.rule, cancel),
            None => Ok(vec![None; facings().count()]),
        }
    }

    /// Whether both are sure, each of another SKU. What one of them does not know is no disagreement.
    fn differs(&self, decision: &Decision, second: Option<&str>) -> bool {
        let Some((own, second)) = decision.sku.zip(second) else { return false };
        self.gallery.sku(own).is_some_and(|own| own.code != second)
    }

    fn answer(
        &self,
        image: &RgbImage,
        items: Vec<RecognizedItem>,
        trace: DetectionTrace,
        options: &RecognizeOptions,
    ) -> Recognition {
        let (counts, unknown_count) = count(&items, &*self.gallery);
        let mut warnings: Vec<String> = trace.doubts.iter().map(ToString::to_string).collect();
        if items.len() == options.detect.max_detections {
            warnings.push(format!(
                "the list was cut at {} facings; raise detector.max_detections or photograph a smaller part",
                items.len()
            ));
        }
        if self.gallery.is_empty() {
            warnings.push(
                "the gallery is empty, so every facing is unknown; enrol SKUs with `shelf gallery build`".to_owned(),
            );
        }
        let (width, height) = image.dimensions();
        Recognition { width, height, items, counts, unknown_count, trace, warnings }
    }
}
