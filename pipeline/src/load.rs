//! The composition root: the one place that puts real networks and a real gallery behind the traits.

use std::path::Path;
use std::sync::Arc;

use classifier::gallery::{Gallery, GalleryData, GalleryError, IndexOptions, Mapping, Standard};
use classifier::{Background, BackgroundError, EmbedderIdentity, SessionEmbedder};
use detector::{ClassChoice, YoloDetector};
use engine::ort::ParseProviderError;
use engine::{Device, EngineError, ExecutionProvider, OrtOptions, PoolPlan};
use thiserror::Error;
use tracing::warn;
use vision::{Detector as _, Embedder as _, UnknownClass};

use crate::config::{EngineSettings, IndexKind, PipelineConfig, SecondOpinionConfig};
use crate::recognize::Recognizer;
use crate::release::{RecognizerSettings, Release};
use crate::second_opinion::SecondOpinion;

/// What [`load`] loaded: the recogniser, and its parts under their own types.
pub struct Loaded {
    /// Ready to work.
    pub recognizer: Recognizer,
    /// Finds containers.
    pub detector: Arc<YoloDetector>,
    /// Embeds crops.
    pub embedder: Arc<SessionEmbedder>,
    /// Knows SKUs.
    pub gallery: Arc<Gallery>,
}

/// Why a pipeline could not be put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// `engine.providers` names something unknown.
    #[error("`engine.providers`: {0}")]
    Provider(#[from] ParseProviderError),
    /// `engine.device` names something unknown or absent.
    #[error("`engine.device`: {0}")]
    Device(#[from] EngineError),
    /// The detector's weights cannot be used.
    #[error("the detector cannot be loaded")]
    Detector(#[source] detector::LoadError),
    /// `detector.class_confidence` names a class that the detector does not have.
    #[error("`detector.class_confidence`: {0}")]
    ClassConfidence(UnknownClass),
    /// The embedder's weights cannot be used.
    #[error("the embedder cannot be loaded")]
    Embedder(#[source] classifier::LoadError),
    /// The background that the embedder's card names cannot be used.
    #[error("the embedder's background cannot be loaded")]
    Background(#[source] BackgroundError),
    /// The gallery cannot be used.
    #[error("the gallery cannot be loaded")]
    Gallery(#[source] GalleryError),
}

/// Loads everything the configuration names. A gallery that does not exist yet is an empty one, with a warning: facings are
/// still found and counted as unknown.
///
/// # Errors
/// When a part exists but cannot be used, or weights are missing.
pub fn load(config: &PipelineConfig) -> Result<Loaded, LoadError> {
    let (detector, embedder) = load_networks(config)?;
    let gallery = Arc::new(load_gallery(config, &embedder)?);
    Ok(loaded(config, detector, embedder, gallery))
}

/// As [`load`], over a gallery in which nothing is enrolled, whatever the configuration names.
///
/// # Errors
/// As [`load`].
pub fn load_without_gallery(config: &PipelineConfig) -> Result<Loaded, LoadError> {
    let (detector, embedder) = load_networks(config)?;
    let gallery = Arc::new(empty_gallery(config, &embedder)?);
    Ok(loaded(config, detector, embedder, gallery))
}

fn load_networks(config: &PipelineConfig) -> Result<(Arc<YoloDetector>, Arc<SessionEmbedder>), LoadError> {
    // The two networks know nothing of each other: reading one while the other is optimised halves the start.
    let (detector, embedder) = std::thread::scope(|scope| {
        let detector = scope.spawn(|| load_detector(config));
        let embedder = load_embedder(config);
        (detector.join().expect("loading returns errors, it does not panic"), embedder)
    });
    Ok((Arc::new(detector?), Arc::new(embedder?)))
}

fn loaded(
    config: &PipelineConfig,
    detector: Arc<YoloDetector>,
    embedder: Arc<SessionEmbedder>,
    gallery: Arc<Gallery>,
) -> Loaded {
    let settings = RecognizerSettings {
        limits: config.limits,
        crop: embedder.crop_rule(),
        rule: config.rule,
        calibrated: config.calibrated,
        photo_prior: config.photo_prior,
        row_context: config.row_context,
        requests: config.requests,
    };
    let name = format!("{} + {}", detector.describe(), embedder.describe());
    let release = Release::new(&name, detector.clone(), embedder.clone(), gallery.clone(), settings);
    let recognizer = Release { sku_thresholds: config.sku_thresholds.clone(), ..release }.recognizer();
    Loaded { recognizer, detector, embedder, gallery }
}

/// The second opinion that lies at `place`.
///
/// # Errors
/// As [`load`]; a gallery that does not exist is an error here.
pub fn second_opinion(config: &PipelineConfig, place: &SecondOpinionConfig) -> Result<SecondOpinion, LoadError> {
    let embedder = embedder_of(&place.embedder, &config.engine)?;
    let gallery = Gallery::open(&place.gallery, &embedder, &index_options(config)).map_err(LoadError::Gallery)?;
    Ok(SecondOpinion { crop: embedder.crop_rule(), embedder: Arc::new(embedder), gallery: Arc::new(gallery) })
}

/// The detector alone.
///
/// # Errors
/// As [`load`].
pub fn load_detector(config: &PipelineConfig) -> Result<YoloDetector, LoadError> {
    load_detector_of(config, ClassChoice::Card)
}

/// As [`load_detector`], with other classes than the model card's.
///
/// # Errors
/// As [`load`].
pub fn load_detector_of(config: &PipelineConfig, classes: ClassChoice) -> Result<YoloDetector, LoadError> {
    let options = detector::LoadOptions {
        engine: config.engine.name.into(),
        device: Device::parse(&config.engine.device)?,
        ort: ort_options(&config.engine)?,
        classes,
        ..detector::LoadOptions::default()
    };
    let detector = detector::load(&config.detector_model, &options).map_err(LoadError::Detector)?;
    config.options.detect.confidence.check(detector.classes()).map_err(LoadError::ClassConfidence)?;
    Ok(detector)
}

/// The embedder alone.
///
/// # Errors
/// As [`load`].
pub fn load_embedder(config: &PipelineConfig) -> Result<SessionEmbedder, LoadError> {
    embedder_of(&config.embedder_model, &config.engine)
}

fn embedder_of(model: &Path, engine: &EngineSettings) -> Result<SessionEmbedder, LoadError> {
    let options = classifier::LoadOptions {
        engine: engine.name.into(),
        device: Device::parse(&engine.device)?,
        ort: ort_options(engine)?,
    };
    classifier::load(model, &options).map_err(LoadError::Embedder)
}

/// The gallery that belongs to `embedder`.
///
/// # Errors
/// As [`load`].
pub fn load_gallery(config: &PipelineConfig, embedder: &SessionEmbedder) -> Result<Gallery, LoadError> {
    let options = index_options(config);
    let standard = standard(config, embedder)?;
    let gallery = match Gallery::open(&config.gallery_path, embedder, &options) {
        Err(GalleryError::Missing { path }) => {
            warn!(gallery = %path.display(), "there is no gallery yet, so every facing is unknown; make one with `shelf gallery build`");
            empty_gallery(config, embedder)?
        }
        opened => opened.map_err(LoadError::Gallery)?,
    };
    gallery.calibrated(&standard).map_err(LoadError::Gallery)
}

/// What galleries are calibrated by: the background that the embedder's card names, and what the configuration wants.
///
/// # Errors
/// When the card names a background that cannot be used.
pub fn standard(config: &PipelineConfig, embedder: &SessionEmbedder) -> Result<Arc<Standard>, LoadError> {
    let background = Background::beside(&config.embedder_model, embedder.dimension()).map_err(LoadError::Background)?;
    Ok(Arc::new(Standard {
        background,
        false_accepts: config.false_accepts,
        impostors: config.impostors,
        rule: config.rule,
        general: Mapping::default(),
    }))
}

fn empty_gallery(config: &PipelineConfig, embedder: &SessionEmbedder) -> Result<Gallery, LoadError> {
    let empty = GalleryData::new("empty", EmbedderIdentity::of(embedder));
    Gallery::new(empty, &index_options(config)).map_err(LoadError::Gallery)
}

/// How the gallery is searched.
#[must_use]
pub fn index_options(config: &PipelineConfig) -> IndexOptions {
    let kind = match config.index {
        IndexKind::Auto => classifier::gallery::IndexKind::Auto,
        IndexKind::Flat => classifier::gallery::IndexKind::Flat,
        IndexKind::Faiss => classifier::gallery::IndexKind::Faiss,
    };
    IndexOptions { kind, ivf_above: config.ivf_above, ..IndexOptions::default() }
}

/// What ONNX Runtime is asked for.
///
/// # Errors
/// When a provider's name is unknown.
pub fn ort_options(settings: &EngineSettings) -> Result<OrtOptions, ParseProviderError> {
    let providers =
        settings.providers.iter().map(|name| name.parse()).collect::<Result<Vec<ExecutionProvider>, _>>()?;
    Ok(OrtOptions {
        library: settings.library.clone(),
        pool: PoolPlan { sessions: settings.sessions, threads_per_session: settings.threads_per_session },
        providers,
        error_on_failure: settings.error_on_failure,
        ..OrtOptions::default()
    })
}
