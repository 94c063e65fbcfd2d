//! The section `review` of `pipeline.yaml`.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use vision::Secret;

use pipeline::config::SecondOpinionConfig;
use vision::config::{Check, ConfigError, Keys, Renamed, read_text, syntax};

/// Keys that have another name now.
const RENAMED: &[Renamed] = &[Renamed { section: "review.samplers", old: "random_share", new: "random_ratio" }];

/// What is queued for people, and where it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewConfig {
    /// Whether anything is queued at all.
    pub enabled: bool,
    /// `sqlite:PATH` or `postgres://...`; `DATABASE_URL` wins.
    pub database: Secret,
    /// A folder or `s3://BUCKET/PREFIX`; `OBJECTS_URL` wins.
    pub objects: String,
    /// Which facings.
    pub samplers: Samplers,
    /// How many.
    pub limits: Limits,
    /// How long a reviewer has an item alone.
    pub claim: Duration,
    /// After how long items that nobody answered are dropped; `None` keeps them.
    pub keep: Option<Duration>,
    /// How much the images may take; `None` for as much as they want.
    pub max_bytes: Option<u64>,
    /// Whom else to ask about every facing.
    pub second_opinion: Option<SecondOpinionConfig>,
}

/// Which facings are worth a look. A zero switches a sampler off.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Samplers {
    /// Fraction of all facings, taken blindly and before all else: what estimates without bias rest on.
    #[serde(alias = "random_share")]
    pub random_ratio: f32,
    /// Whether unknown facings are taken.
    pub unknown: bool,
    /// Lead over the runner-up below which a facing is taken.
    pub small_margin: f32,
    /// Distance to the threshold of its SKU, either side, within which a facing is taken.
    pub near_threshold: f32,
    /// Similarity below which a known facing is taken.
    pub low_similarity: f32,
    /// Confidence of the detector below which a facing is taken.
    pub low_confidence: f32,
    /// Similarity to everything queued before, below which a facing is taken.
    pub novelty: f32,
    /// SKUs of fewer exemplars have their facings taken.
    pub rare_sku: usize,
    /// Whether facings are taken on which tiles of the photo, or the second opinion, saw something else.
    pub disagreement: bool,
    /// Facings more similar than this to one that waits already are not queued again: they make that one more urgent.
    /// Zero compares no embeddings.
    pub duplicate_similarity: f32,
    /// The same for facings whose images' hashes differ in at most so many of 64 bits. Zero compares no images.
    pub duplicate_bits: u32,
}

impl Default for Samplers {
    fn default() -> Self {
        Self {
            random_ratio: 0.01,
            unknown: true,
            small_margin: 0.05,
            near_threshold: 0.02,
            low_similarity: 0.80,
            low_confidence: 0.30,
            novelty: 0.0,
            rare_sku: 0,
            disagreement: true,
            duplicate_similarity: 0.90,
            duplicate_bits: 4,
        }
    }
}

/// How many facings are queued at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Of one photo.
    pub per_photo: usize,
    /// In any minute.
    pub per_minute: usize,
    /// In any hour.
    pub per_hour: usize,
    /// In any day.
    pub per_day: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_photo: 8, per_minute: 120, per_hour: 1_000, per_day: 5_000 }
    }
}

/// The file as far as it is read here: the other sections are the pipeline's.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    review: ReviewSection,
}

impl ReviewConfig {
    /// Reads and checks the section `review` of a file; what the file leaves out has its default.
    ///
    /// # Errors
    /// When it cannot be read, or the section has an unknown key or a value out of range; the error names file and key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?, path)
    }

    /// As [`ReviewConfig::read`], from text; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`ReviewConfig::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| syntax(path, &error.to_string()))?;
        for key in serde_saphyr::from_str::<Keys>(text).unwrap_or_default().old(RENAMED) {
            tracing::warn!("{}: {key}", path.display());
        }
        file.review.check(path)
    }
}

/// As written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReviewSection {
    enabled: bool,
    database: Secret,
    objects: String,
    samplers: Samplers,
    limits: Limits,
    claim_seconds: u64,
    keep_days: u64,
    max_gib: f64,
    second_opinion: Option<SecondOpinionConfig>,
}

impl Default for ReviewSection {
    fn default() -> Self {
        Self {
            enabled: true,
            database: "sqlite:data/shelf.db".into(),
            objects: "data/active_learning_queue".to_owned(),
            samplers: Samplers::default(),
            limits: Limits::default(),
            claim_seconds: 300,
            keep_days: 90,
            max_gib: 20.0,
            second_opinion: None,
        }
    }
}

impl ReviewSection {
    fn check(self, path: &Path) -> Result<ReviewConfig, ConfigError> {
        let check = Check::of(path);
        let s = self.samplers;
        for (key, value) in [
            ("review.samplers.random_ratio", s.random_ratio),
            ("review.samplers.small_margin", s.small_margin),
            ("review.samplers.near_threshold", s.near_threshold),
            ("review.samplers.low_similarity", s.low_similarity),
            ("review.samplers.low_confidence", s.low_confidence),
            ("review.samplers.novelty", s.novelty),
            ("review.samplers.duplicate_similarity", s.duplicate_similarity),
        ] {
            check.fraction(key, value)?;
        }
        check.within("review.samplers.duplicate_bits", s.duplicate_bits, 0, 16)?;
        for (key, value) in [
            ("review.limits.per_photo", self.limits.per_photo),
            ("review.limits.per_minute", self.limits.per_minute),
            ("review.limits.per_hour", self.limits.per_hour),
            ("review.limits.per_day", self.limits.per_day),
        ] {
            check.within(key, value, 0, 1_000_000)?;
        }
        let claim = check.within("review.claim_seconds", self.claim_seconds, 5, 86_400)?;
        let days = check.within("review.keep_days", self.keep_days, 0, 36_500)?;
        let gib = check.within("review.max_gib", self.max_gib, 0.0, 1e6)?;
        Ok(ReviewConfig {
            enabled: self.enabled,
            database: self.database,
            objects: self.objects,
            samplers: s,
            limits: self.limits,
            claim: Duration::from_secs(claim),
            keep: (days > 0).then(|| Duration::from_secs(days * 86_400)),
            max_bytes: (gib > 0.0).then_some((gib * f64::from(1 << 30)) as u64),
            second_opinion: self.second_opinion,
        })
    }
}
