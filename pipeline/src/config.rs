//! What the user wrote (`pipeline.yaml`), converted once into what the program needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use classifier::gallery::Impostors;
use classifier::gallery::vote::DecisionRule;
use engine::EngineChoice;
use serde::Deserialize;
use serde::de::IgnoredAny;
use vision::config::{Check, ConfigError, read_text, syntax};
use vision::{Confidences, DecodeLimits, DetectOptions, Tiling};

use crate::{RecognizeOptions, RequestLimits, RowContext};

/// Everything that decides how photos are recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineConfig {
    /// Weights of the detector.
    pub detector_model: PathBuf,
    /// Weights of the embedder.
    pub embedder_model: PathBuf,
    /// Folder of the gallery.
    pub gallery_path: PathBuf,
    /// Which index searches the gallery.
    pub index: IndexKind,
    /// Exemplars above which search becomes approximate (inverted lists).
    pub ivf_above: usize,
    /// How a facing's neighbours become a SKU.
    pub rule: DecisionRule,
    /// Whether thresholds are worked out from the gallery; the rule's holds where they cannot be.
    pub calibrated: bool,
    /// Fraction of impostors that may pass where they are.
    pub false_accepts: f32,
    /// Who they are.
    pub impostors: Impostors,
    /// Whether the fraction of foreign facings is learned from the photo, where thresholds are worked out.
    pub photo_prior: bool,
    /// What facings beside each other say of each other.
    pub row_context: RowContext,
    /// Thresholds of single SKUs, by code, in place of the rule's; found by `shelf calibrate`.
    pub sku_thresholds: BTreeMap<String, f32>,
    /// What requests start from.
    pub options: RecognizeOptions,
    /// What runs the networks.
    pub engine: EngineSettings,
    /// What a photo may cost.
    pub limits: DecodeLimits,
    /// What a request may ask for.
    pub requests: RequestLimits,
}

/// Which index searches the gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// FAISS when built in, the Rust index otherwise.
    #[default]
    Auto,
    /// The exact index in Rust.
    Flat,
    /// FAISS; an error in a build without it.
    Faiss,
}

/// Which engine runs networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineName {
    /// ONNX Runtime when its library is found and the weights are ONNX, candle otherwise.
    #[default]
    Auto,
    /// ONNX Runtime or an error.
    Onnxruntime,
    /// candle.
    Candle,
}

impl From<EngineName> for EngineChoice {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Auto => Self::Auto,
            EngineName::Onnxruntime => Self::OnnxRuntime,
            EngineName::Candle => Self::Candle,
        }
    }
}

/// What runs the networks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSettings {
    /// Which engine.
    pub name: EngineName,
    /// candle's device: `cpu`, `cuda`, `cuda:1`.
    pub device: String,
    /// ONNX Runtime's execution providers, in order of preference.
    pub providers: Vec<String>,
    /// Whether a provider that cannot run is an error.
    pub error_on_failure: bool,
    /// Inferences that run at the same time; 0 means one per core.
    pub sessions: usize,
    /// Threads of one inference; 0 shares the cores out among the sessions.
    pub threads_per_session: usize,
    /// ONNX Runtime's shared library; searched for when absent.
    pub library: Option<PathBuf>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            name: EngineName::Auto,
            device: "cpu".to_owned(),
            providers: vec!["cpu".to_owned()],
            error_on_failure: true,
            sessions: 0,
            threads_per_session: 0,
            library: None,
        }
    }
}

/// Another embedder, and the gallery that it made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondOpinionConfig {
    /// Weights.
    pub embedder: PathBuf,
    /// Folder.
    pub gallery: PathBuf,
}

/// Paths that win over the file: the environment of the process, read by the binary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `AI_V2_DETECTOR_MODEL`
    pub detector_model: Option<PathBuf>,
    /// `AI_V2_CLASSIFIER_MODEL`
    pub embedder_model: Option<PathBuf>,
    /// `AI_V2_EMBEDDINGS_PATH`
    pub gallery_path: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    detector: DetectorSection,
    embedder: EmbedderSection,
    gallery: GallerySection,
    #[serde(default)]
    engine: EngineSettings,
    #[serde(default)]
    limits: LimitsSection,
    /// Read by who reviews.
    #[serde(default, rename = "review")]
    _review: IgnoredAny,
    /// Where gates stood before: read by who judges.
    #[serde(default, rename = "targets")]
    _targets: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DetectorSection {
    model: PathBuf,
    #[serde(default = "defaults::confidence")]
    confidence: f32,
    #[serde(default)]
    class_confidence: BTreeMap<String, f32>,
    #[serde(default = "defaults::iou")]
    iou: f32,
    #[serde(default = "defaults::max_detections")]
    max_detections: usize,
    #[serde(default = "defaults::yes")]
    class_agnostic: bool,
    #[serde(default = "defaults::tiles")]
    tiles: String,
    #[serde(default = "defaults::max_tiles")]
    max_tiles: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbedderSection {
    model: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GallerySection {
    path: PathBuf,
    #[serde(default)]
    index: IndexKind,
    #[serde(default = "defaults::ivf_above")]
    ivf_above: usize,
    #[serde(default = "defaults::neighbors")]
    neighbors: usize,
    #[serde(default)]
    threshold: Threshold,
    #[serde(default = "defaults::false_accepts")]
    false_accepts: f32,
    #[serde(default)]
    impostors: ImpostorsName,
    #[serde(default = "defaults::yes")]
    photo_prior: bool,
    #[serde(default = "defaults::row_context")]
    row_context: f32,
    #[serde(default)]
    sku_thresholds: BTreeMap<String, f32>,
    #[serde(default = "defaults::margin")]
    margin: f32,
    #[serde(default = "defaults::temperature")]
    temperature: f32,
    #[serde(default = "defaults::prototype")]
    prototype: f32,
    #[serde(default = "defaults::top_k")]
    top_k: usize,
}

/// A cosine similarity, or the word `auto`.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Threshold {
    #[default]
    #[serde(skip)]
    Auto,
    Number(f32),
    Word(String),
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum ImpostorsName {
    #[default]
    Background,
    LookAlikes,
}

impl From<ImpostorsName> for Impostors {
    fn from(name: ImpostorsName) -> Self {
        match name {
            ImpostorsName::Background => Self::Background,
            ImpostorsName::LookAlikes => Self::LookAlikes,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    max_mib: usize,
    max_megapixels: u64,
    max_scans: usize,
    max_scan_megapixels: u64,
    max_tiles: u32,
    min_confidence: f32,
    max_input_megapixels: u32,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let RequestLimits { max_tiles, min_confidence, max_input_megapixels } = RequestLimits::default();
        Self {
            max_mib: 20,
            max_megapixels: 50,
            max_scans: 100,
            max_scan_megapixels: 1000,
            max_tiles,
            min_confidence,
            max_input_megapixels,
        }
    }
}

/// Values of keys the user left out.
mod defaults {
    pub(super) const fn confidence() -> f32 {
        0.25
    }
    pub(super) const fn iou() -> f32 {
        0.7
    }
    pub(super) const fn max_detections() -> usize {
        300
    }
    pub(super) const fn yes() -> bool {
        true
    }
    pub(super) fn tiles() -> String {
        "auto".to_owned()
    }
    pub(super) const fn max_tiles() -> u32 {
        vision::detector::DEFAULT_MAX_TILES
    }
    pub(super) const fn ivf_above() -> usize {
        200_000
    }
    pub(super) const fn neighbors() -> usize {
        5
    }
    pub(super) const fn threshold() -> f32 {
        0.70
    }
    pub(super) const fn false_accepts() -> f32 {
        0.05
    }
    pub(super) fn row_context() -> f32 {
        super::RowContext::default().weight
    }
    pub(super) const fn margin() -> f32 {
        0.02
    }
    pub(super) const fn temperature() -> f32 {
        0.02
    }
    pub(super) const fn prototype() -> f32 {
        1.0
    }
    pub(super) const fn top_k() -> usize {
        5
    }
}

impl PipelineConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown or missing key, or a value out of range; the error names file and key.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?, path, overrides)
    }

    /// As [`PipelineConfig::read`], from text; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`PipelineConfig::read`].
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| syntax(path, &error.to_string()))?;
        let check = Check::of(path);
        for confidence in file.detector.class_confidence.values() {
            check.fraction("detector.class_confidence", *confidence)?;
        }
        let detect = DetectOptions {
            confidence: Confidences {
                default: check.fraction("detector.confidence", file.detector.confidence)?,
                by_class: file.detector.class_confidence,
            },
            iou: check.fraction("detector.iou", file.detector.iou)?,
            max_detections: check.within("detector.max_detections", file.detector.max_detections, 1, 10_000)?,
            class_agnostic: file.detector.class_agnostic,
            tiling: check.parsed::<Tiling>("detector.tiles", &file.detector.tiles)?,
            max_tiles: check.within("detector.max_tiles", file.detector.max_tiles, 1, 256)?,
        };
        let options = RecognizeOptions {
            detect,
            top_k: check.within("gallery.top_k", file.gallery.top_k, 1, 100)?,
            keep_embeddings: false,
        };
        let threshold = match &file.gallery.threshold {
            Threshold::Auto => None,
            Threshold::Number(number) => Some(check.fraction("gallery.threshold", *number)?),
            Threshold::Word(word) if word == "auto" => None,
            Threshold::Word(word) => {
                return Err(ConfigError::Value {
                    path: path.to_owned(),
                    key: "gallery.threshold".to_owned(),
                    value: word.chars().take(40).collect(),
                    allowed: "it must be auto or a number within 0 and 1".to_owned(),
                });
            }
        };
        let rule = DecisionRule {
            k: check.within("gallery.neighbors", file.gallery.neighbors, 1, 1_000)?,
            threshold: threshold.unwrap_or(defaults::threshold()),
            margin: check.fraction("gallery.margin", file.gallery.margin)?,
            temperature: check.fraction("gallery.temperature", file.gallery.temperature)?,
            prototype: check.fraction("gallery.prototype", file.gallery.prototype)?,
        };
        for threshold in file.gallery.sku_thresholds.values() {
            check.fraction("gallery.sku_thresholds", *threshold)?;
        }
        check.within("engine.sessions", file.engine.sessions, 0, 256)?;
        check.within("engine.threads_per_session", file.engine.threads_per_session, 0, 256)?;
        let limits = DecodeLimits {
            max_bytes: check.within("limits.max_mib", file.limits.max_mib, 1, 1024)? << 20,
            max_pixels: check.within("limits.max_megapixels", file.limits.max_megapixels, 1, 1000)? * 1_000_000,
            max_scans: check.within("limits.max_scans", file.limits.max_scans, 1, 100)?,
            max_scan_pixels: check.within("limits.max_scan_megapixels", file.limits.max_scan_megapixels, 1, 100_000)?
                * 1_000_000,
        };
        let max_tiles = vision::tiles::MAX_TILES_PER_SIDE.pow(2);
        let requests = RequestLimits {
            max_tiles: check.within("limits.max_tiles", file.limits.max_tiles, 0, max_tiles)?,
            min_confidence: check.fraction("limits.min_confidence", file.limits.min_confidence)?,
            max_input_megapixels: check.within(
                "limits.max_input_megapixels",
                file.limits.max_input_megapixels,
                1,
                10_000,
            )?,
        };
        Ok(Self {
            detector_model: overrides.detector_model.clone().unwrap_or(file.detector.model),
            embedder_model: overrides.embedder_model.clone().unwrap_or(file.embedder.model),
            gallery_path: overrides.gallery_path.clone().unwrap_or(file.gallery.path),
            index: file.gallery.index,
            ivf_above: file.gallery.ivf_above,
            rule,
            calibrated: threshold.is_none(),
            false_accepts: check.fraction("gallery.false_accepts", file.gallery.false_accepts)?,
            impostors: file.gallery.impostors.into(),
            photo_prior: threshold.is_none() && file.gallery.photo_prior,
            row_context: RowContext {
                weight: check.fraction("gallery.row_context", file.gallery.row_context)?,
                ..RowContext::default()
            },
            sku_thresholds: file.gallery.sku_thresholds,
            options,
            engine: file.engine,
            limits,
            requests,
        })
    }
}

impl EngineSettings {
    /// Inferences that run at the same time.
    #[must_use]
    pub fn parallelism(&self) -> usize {
        match self.sessions {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            n => n,
        }
    }
}
