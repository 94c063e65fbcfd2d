//! Validation: the network as it would be served, measured by the project's own metrics.

use std::collections::BTreeMap;
use std::path::Path;

use crate::core::Observer;
use engine::{CandleSession, Device, Weights};
use eval::{
    Bootstrap, DetectionSection, DetectionSet, DetectionSettings, ImageInfo, Prediction, Rect, Truth,
    evaluate_detection,
};
use serde::{Deserialize, Serialize};
use vision::{DecodeLimits, Detection, PreprocessPlan, RgbImage, decode};

use super::FitError;
use crate::detector::dataset::{Origin, Sample, TrainingData};
use detector::model::fold::fold_all;
use detector::model::{Architecture, DetectorNetwork};
use detector::{AutoTiling, ClassMap, ValidationOptions, YoloDetector, YoloSpec};

/// Metrics of a validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// At the serving confidence, IoU .5.
    pub precision: Option<f64>,
    /// At the serving confidence, IoU .5.
    pub recall: Option<f64>,
    /// COCO's, IoU .5.
    pub map50: Option<f64>,
    /// COCO's, IoU .50:.05:.95.
    pub map50_95: Option<f64>,
}

impl Validation {
    /// The number by which networks of a run are compared: one part mAP50, nine parts mAP50-95.
    #[must_use]
    pub fn fitness(&self) -> f64 {
        0.1 * self.map50.unwrap_or(0.0) + 0.9 * self.map50_95.unwrap_or(0.0)
    }

    /// By name, for a card.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let all = [
            ("map50", self.map50),
            ("map50_95", self.map50_95),
            ("precision", self.precision),
            ("recall", self.recall),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// A validation: its metrics, all that is behind them, and images to look at.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The metrics by which networks are compared.
    pub metrics: Validation,
    /// Everything: curves, classes, mistakes.
    pub section: DetectionSection,
    /// What was found on the first images.
    pub shown: Vec<Shown>,
}

/// Images decoded and detected at once: bounds memory.
const AT_ONCE: usize = 8;

/// The network made of `weights`, ready to detect.
///
/// # Errors
/// When the weights are not of this architecture.
pub fn serving(
    weights: &Weights,
    architecture: Architecture,
    classes: &[String],
    side: u32,
    device: &Device,
) -> Result<YoloDetector, FitError> {
    let folded = fold_all(weights, architecture.backbone)?;
    let network = folded.build(device, |vb| DetectorNetwork::load(vb, architecture))?;
    let session = CandleSession::of_images(Box::new(network), weights.metadata().clone(), device);
    let spec = YoloSpec {
        name: architecture.design().to_string(),
        plan: PreprocessPlan::yolo(side, side),
        stride: detector::anchors::MAX_STRIDE as u32,
        classes: ClassMap::all(classes.to_vec()).map_err(|error| FitError::Setup(error.to_string()))?,
        tiling: AutoTiling::default(),
    };
    YoloDetector::new(Box::new(session), spec).map_err(|error| FitError::Setup(error.to_string()))
}

/// Metrics of `detector` on these images, and what it found on the first `shown`. What is found of a class where that
/// class is not labelled counts neither as right nor as wrong.
///
/// # Errors
/// When an image cannot be read or the network fails.
pub fn validate(
    detector: &YoloDetector,
    data: &TrainingData,
    shown: usize,
    observer: &mut dyn Observer,
) -> Result<Measured, FitError> {
    let options = ValidationOptions { square: false, ..ValidationOptions::default() };
    let (mut listed, mut truths, mut predictions, mut first) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let files: Vec<(&Path, &Sample)> = data.samples.iter().filter_map(|sample| Some((file(sample)?, sample))).collect();
    for chunk in files.chunks(AT_ONCE) {
        let images = chunk.iter().map(|(path, _)| read(path)).collect::<Result<Vec<_>, _>>()?;
        let found = detector
            .detect_for_validation(&images, &options)
            .map_err(|error| FitError::Setup(format!("validation failed: {error}")))?;
        for (((path, sample), image), found) in chunk.iter().zip(images).zip(found) {
            let number = listed.len() as u32;
            listed.push(ImageInfo { name: path.display().to_string(), size: Some(image.dimensions()) });
            truths.extend(truth_of(sample, number, image.dimensions(), data.names.len()));
            predictions.extend(found.iter().map(|d| Prediction {
                image: number,
                class: d.class.index() as u32,
                rect: Rect::from(d.bbox),
                score: d.confidence.into(),
            }));
            if first.len() < shown {
                first.push(Shown { image, found });
            }
        }
        observer.validating(listed.len(), files.len());
    }
    let set = DetectionSet::new(listed, data.names.clone(), truths, predictions)
        .map_err(|error| FitError::Setup(format!("the images to validate on: {error}")))?;
    let settings = DetectionSettings {
        bootstrap: Bootstrap { resamples: 0, ..Bootstrap::default() },
        ..DetectionSettings::default()
    };
    let section = evaluate_detection(&set, &settings, &[]);
    let metric = |name: &str| section.metrics.values.get(name).copied().flatten();
    let validation = Validation {
        precision: metric("precision"),
        recall: metric("recall"),
        map50: metric("map50"),
        map50_95: metric("map50_95"),
    };
    Ok(Measured { metrics: validation, section, shown: first })
}

fn file(sample: &Sample) -> Option<&Path> {
    match &sample.origin {
        Origin::File(path) => Some(path),
        Origin::Synthetic(_) => None,
    }
}

fn truth_of(sample: &Sample, image: u32, (width, height): (u32, u32), classes: usize) -> Vec<Truth> {
    let rect = |[x1, y1, x2, y2]: [f64; 4]| {
        let (width, height) = (f64::from(width), f64::from(height));
        Rect::from_corners(x1 * width, y1 * height, x2 * width, y2 * height)
    };
    let truth = |class: usize, edges, crowd| {
        let rect = rect(edges);
        Truth { image, class: class as u32, rect, area: rect.area(), crowd }
    };
    let objects = sample.objects.iter().map(|object| truth(object.class, object.edges, false));
    let open = sample.unlabelled.iter().flat_map(|region| {
        (0..classes).filter(|&class| region.classes.contains(class)).map(|class| truth(class, region.edges, true))
    });
    objects.chain(open).collect()
}

/// An image and what was found on it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The photo, upright.
    pub image: RgbImage,
    /// Any confidence.
    pub found: Vec<Detection>,
}

fn read(path: &Path) -> Result<RgbImage, FitError> {
    let bytes = std::fs::read(path).map_err(|source| FitError::Io { path: path.to_owned(), source })?;
    decode(&bytes, &DecodeLimits::default())
        .map_err(|error| FitError::Setup(format!("{} cannot be validated on: {error}", path.display())))
}
