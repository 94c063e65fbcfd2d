//! Detect, crop, embed, search, decide, count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use classifier::gallery::vote::{DecisionRule, decide_with};
use rayon::prelude::*;
use thiserror::Error;
use vision::crop::CropRule;
use vision::decode::UnusualForm;
use vision::{
    Decision, DecodeError, DecodeLimits, DetectOptions, Detection, Detector, Embedder, Embedding, ExemplarId,
    ModelError, Neighbor, Recognition, RecognizedItem, RgbImage, Sightings, SkuId, SkuIndex,
};

use crate::Timing;
use crate::count::count;
use crate::second::SecondOpinion;

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

/// A detector, an embedder and a gallery put together. Knows only their traits.
#[derive(Clone)]
pub struct Recognizer {
    detector: Arc<dyn Detector>,
    embedder: Arc<dyn Embedder>,
    gallery: Arc<dyn SkuIndex>,
    settings: RecognizerSettings,
    sku_thresholds: Arc<HashMap<SkuId, f32>>,
    second: Option<SecondOpinion>,
    edition: u64,
}

/// What stays the same from request to request.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RecognizerSettings {
    /// What a photo may cost.
    pub limits: DecodeLimits,
    /// How facings are cut out; comes with the embedder.
    pub crop: CropRule,
    /// How neighbours become a SKU.
    pub rule: DecisionRule,
}

/// A photo that was decoded, and what the detector found on it.
struct Seen {
    image: RgbImage,
    detections: Vec<Detection>,
    disputed: Vec<bool>,
    timing: Timing,
}

impl Recognizer {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        detector: Arc<dyn Detector>,
        embedder: Arc<dyn Embedder>,
        gallery: Arc<dyn SkuIndex>,
        settings: RecognizerSettings,
    ) -> Self {
        Self { detector, embedder, gallery, settings, sku_thresholds: Arc::default(), second: None, edition: 0 }
    }

    /// With thresholds of single SKUs, which hold in place of the rule's when that SKU wins the vote.
    #[must_use]
    pub fn with_sku_thresholds(self, thresholds: HashMap<SkuId, f32>) -> Self {
        Self { sku_thresholds: Arc::new(thresholds), ..self }
    }

    /// With another embedder that is asked about every facing: where it names another SKU, the facing is disputed.
    #[must_use]
    pub fn with_second_opinion(self, second: Option<SecondOpinion>) -> Self {
        Self { second, ..self }
    }

    fn decide(&self, neighbors: &[Neighbor], top_k: usize) -> Decision {
        decide_with(neighbors, &self.settings.rule, &self.sku_thresholds, top_k)
    }

    /// What the gallery says of embeddings, each without the vote of the exemplar that was made of it.
    ///
    /// # Errors
    /// When an embedding has another dimension than the gallery.
    pub fn decide_without(&self, facings: &[(Embedding, ExemplarId)]) -> Result<Vec<Decision>, ModelError> {
        let queries: Vec<Embedding> = facings.iter().map(|(embedding, _)| embedding.clone()).collect();
        let found = self.gallery.search(&queries, self.settings.rule.k + 1)?;
        let others = |(mut neighbors, (_, own)): (Vec<Neighbor>, &(Embedding, ExemplarId))| {
            neighbors.retain(|neighbor| neighbor.exemplar != *own);
            neighbors.truncate(self.settings.rule.k);
            self.decide(&neighbors, 1)
        };
        Ok(found.into_iter().zip(facings).map(others).collect())
    }

    /// Least similarity with which a SKU is known.
    #[must_use]
    pub fn threshold(&self, sku: Option<SkuId>) -> f32 {
        let own = sku.and_then(|sku| self.sku_thresholds.get(&sku).copied());
        own.unwrap_or(self.settings.rule.threshold)
    }

    /// What finds containers.
    #[must_use]
    pub fn detector(&self) -> &Arc<dyn Detector> {
        &self.detector
    }

    /// What embeds crops.
    #[must_use]
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.embedder
    }

    /// What knows the SKUs.
    #[must_use]
    pub fn gallery(&self) -> &Arc<dyn SkuIndex> {
        &self.gallery
    }

    /// The same detector, embedder and settings over another gallery.
    #[must_use]
    pub fn with_gallery(&self, gallery: Arc<dyn SkuIndex>) -> Self {
        Self { gallery, ..self.clone() }
    }

    /// Which state of a gallery that people change this one is over: the later, the larger. 0 for a gallery that stays.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.edition
    }

    /// The same, over that state of its gallery.
    #[must_use]
    pub fn with_edition(self, edition: u64) -> Self {
        Self { edition, ..self }
    }

    /// What stays the same from request to request.
    #[must_use]
    pub fn settings(&self) -> &RecognizerSettings {
        &self.settings
    }

    /// Decodes within this recogniser's limits.
    ///
    /// # Errors
    /// When the bytes are not a photo.
    pub fn decode(&self, bytes: &[u8]) -> Result<RgbImage, DecodeError> {
        vision::decode(bytes, &self.settings.limits)
    }

    /// One result per photo, in order: a photo that cannot be decoded does not fail its neighbours.
    #[must_use]
    pub fn recognize(&self, photos: Vec<Photo>, options: &RecognizeOptions) -> Vec<Result<Recognized, RecognizeError>> {
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
        match self.recognize_decoded(readable, options) {
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
            Photo::Encoded(bytes) => vision::decode::header(bytes, &self.settings.limits).ok()?.unusual,
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
    ) -> Result<Vec<Recognized>, ModelError> {
        if photos.is_empty() {
            return Ok(Vec::new());
        }
        let seen = self.detect(photos, options)?;
        let batch = seen.len() as u32;
        let facings: usize = seen.iter().map(|photo| photo.detections.len()).sum();

        let start = Instant::now();
        let crops: Vec<RgbImage> = seen
            .iter()
            .flat_map(|photo| photo.detections.iter().map(|d| vision::crop(&photo.image, &d.bbox, self.settings.crop)))
            .collect();
        let crop_time = start.elapsed();

        let start = Instant::now();
        let embeddings = if crops.is_empty() { Vec::new() } else { self.embedder.embed(&crops)? };
        if embeddings.len() != facings {
            return Err(ModelError::UnexpectedOutput {
                expected: format!("{facings} embeddings"),
                found: format!("{}", embeddings.len()),
            });
        }
        drop(crops);
        let second = self.ask_again(&seen)?;
        let embed_time = start.elapsed();

        let start = Instant::now();
        let neighbors = self.gallery.search_wide(&embeddings, self.settings.rule.k, options.top_k)?;
        let search_time = start.elapsed();

        let mut found = embeddings.into_iter().zip(neighbors).zip(second);
        let answers = seen.into_iter().map(|photo| {
            let share = |time: Duration| {
                if facings == 0 { time / batch } else { time.mul_f64(photo.detections.len() as f64 / facings as f64) }
            };
            let mut timing = photo.timing;
            (timing.crop, timing.embed, timing.search) = (share(crop_time), share(embed_time), share(search_time));
            let looks = photo.detections.iter().zip(&photo.disputed).zip(found.by_ref());
            let items = looks.map(|((&detection, &disputed), ((embedding, neighbors), second))| {
                let decision = self.decide(&neighbors, options.top_k);
                let disputed = disputed || self.differs(&decision, second.as_deref());
                RecognizedItem {
                    detection,
                    decision,
                    embedding: options.keep_embeddings.then_some(embedding),
                    disputed,
                }
            });
            let items = items.collect();
            let recognition = self.answer(&photo.image, items, options);
            Recognized { recognition, image: photo.image, timing }
        });
        Ok(answers.collect())
    }

    fn detect(&self, photos: Vec<(RgbImage, Duration)>, options: &RecognizeOptions) -> Result<Vec<Seen>, ModelError> {
        let start = Instant::now();
        let (images, decode_times): (Vec<RgbImage>, Vec<Duration>) = photos.into_iter().unzip();
        let sightings = self.detector.look(&images, &options.detect)?;
        if sightings.len() != images.len() {
            return Err(ModelError::UnexpectedOutput {
                expected: format!("detections of {} photos", images.len()),
                found: format!("of {}", sightings.len()),
            });
        }
        let detect = start.elapsed() / images.len() as u32;
        let seen = images.into_iter().zip(decode_times).zip(sightings).map(|((image, decode), sightings)| {
            let Sightings { detections, mut disputed } = sightings;
            disputed.resize(detections.len(), false);
            Seen { image, detections, disputed, timing: Timing { decode, detect, ..Timing::default() } }
        });
        Ok(seen.collect())
    }

    /// The code of the SKU that the second opinion is sure of, by facing.
    fn ask_again(&self, seen: &[Seen]) -> Result<Vec<Option<Arc<str>>>, ModelError> {
        let facings = || seen.iter().flat_map(|photo| photo.detections.iter().map(|d| (&photo.image, d.bbox)));
        match &self.second {
            Some(second) => second.ask(facings(), &self.settings.rule),
            None => Ok(vec![None; facings().count()]),
        }
    }

    /// Whether both are sure, each of another SKU. What one of them does not know is no disagreement.
    fn differs(&self, decision: &Decision, second: Option<&str>) -> bool {
        let Some((own, second)) = decision.sku.zip(second) else { return false };
        self.gallery.sku(own).is_some_and(|own| own.code != second)
    }

    fn answer(&self, image: &RgbImage, items: Vec<RecognizedItem>, options: &RecognizeOptions) -> Recognition {
        let (counts, unknown_count) = count(&items, &*self.gallery);
        let mut warnings = Vec::new();
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
        Recognition { width: image.width(), height: image.height(), items, counts, unknown_count, warnings }
    }
}
