//! `shelf eval detector`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use detector::{ClassChoice, ValidationOptions, YoloDetector};
use eval::evaluate::evaluate_detection;
use eval::formats::coco;
use eval::matching::{DEFAULT_MAX_DETECTIONS, match_all};
use eval::report::document::Parts;
use eval::report::{DataSet, Kind, worst_cases};
use eval::robustness::{Distortion, RobustnessLine, detection_drops};
use eval::{DetectionSet, DetectionSettings, Prediction, Report, Slice, Targets};
use pipeline::config::PipelineConfig;
use rayon::prelude::*;
use serde_json::json;
use vision::{Confidences, DetectOptions, Detector, RgbImage, Tiling};

use super::boxes::{LabelledFolder, SelectArgs, photos_beside};
use super::outcome::{Outputs, check_writable, write};
use super::progress::{bar, folder_digest};
use super::settings::{CommonArgs, default_config, fraction, named_file, serving_confidence};
use crate::environment::Environment;

/// Evaluate a detector: recall, precision, mAP as pycocotools computes it
#[derive(Args)]
#[command(after_help = "Exit code: 0 gates passed, 1 a gate failed, 2 could not evaluate.

  shelf eval detector --data data/test --report report/
  shelf eval detector --data data/test --weights new.onnx --compare report/report.json
  shelf eval detector --ground-truth instances.json --predictions results.json
Formats and definitions: docs/metrics.md.")]
pub(crate) struct DetectorArgs {
    /// Folder with images/ and labels/ (YOLO)
    #[arg(long, value_name = "DIR", required_unless_present = "predictions", conflicts_with = "predictions")]
    data: Option<PathBuf>,
    /// Weights to measure [default: detector.model of the configuration]
    #[arg(long, value_name = "FILE", conflicts_with = "predictions")]
    weights: Option<PathBuf>,
    /// Saved predictions: COCO results
    #[arg(long, value_name = "FILE", requires = "ground_truth")]
    predictions: Option<PathBuf>,
    /// Ground truth in COCO's format
    #[arg(long, value_name = "FILE", requires = "predictions")]
    ground_truth: Option<PathBuf>,
    #[command(flatten)]
    select: SelectArgs,
    /// Keep every class the network has, as with COCO's 80, instead of those its card maps to products
    #[arg(long, requires = "data")]
    all_classes: bool,
    /// Protocol of detection: as served, or COCO's
    #[arg(long, default_value = "serving", requires = "data")]
    protocol: Protocol,
    /// Serving confidence of every class, at which recall is gated [default: detector.confidence and class_confidence
    /// of the
    /// configuration]
    #[arg(long, value_parser = fraction)]
    conf: Option<f64>,
    /// Show for each class the lowest confidence that reaches this precision, with the line for the configuration
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    precision: Option<f64>,
    /// Overlap (IoU) above which two found boxes are one object [default: detector.iou of the configuration]
    #[arg(long, value_parser = fraction, requires = "data")]
    iou: Option<f64>,
    /// Tiling: auto, off, or COLUMNSxROWS [default: detector.tiles of the configuration]
    #[arg(long, requires = "data")]
    tiles: Option<Tiling>,
    /// Maximum number of predictions per image and class
    #[arg(long, default_value_t = DEFAULT_MAX_DETECTIONS, value_parser = at_least_one)]
    max_detections: usize,
    /// Measure again under blur, JPEG 30, dark, glare, noise, occlusion and downscale
    #[arg(long, requires = "data")]
    robustness: bool,
    /// Write truth.json and results.json in COCO's formats into this folder
    #[arg(long, value_name = "DIR", requires = "data")]
    save_coco: Option<PathBuf>,
    /// Number of worst images shown
    #[arg(long, default_value_t = 12, value_name = "N")]
    worst: usize,
    #[command(flatten)]
    common: CommonArgs,
}

/// How boxes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// The configuration's suppression and tiling, every box above confidence .001
    Serving,
    /// Suppression per class, several classes per anchor, no tiles: published metrics
    Coco,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(|| "it must be 1 to 100000".to_owned())
}

/// Minimum confidence of boxes that are kept for curves.
const FLOOR: f32 = 0.001;

pub(super) fn run(args: &DetectorArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = args.common.basic.config(environment)?;
    match (&args.data, &args.predictions, &args.ground_truth) {
        (Some(data), ..) => from_folder(args, data, (config, environment)),
        (None, Some(predictions), Some(truth)) => {
            from_files(args, predictions, truth, (config.as_ref(), args.common.targets(environment)?))
        }
        _ => bail!("give --data, or --predictions and --ground-truth"),
    }
}

fn settings(args: &DetectorArgs, config: Option<&PipelineConfig>) -> DetectionSettings {
    DetectionSettings {
        confidence: serving_confidence(args.conf, config),
        precision: args.precision,
        max_detections: args.max_detections,
        bootstrap: args.common.bootstrap(),
    }
}

fn from_files(
    args: &DetectorArgs,
    predictions: &Path,
    truth_path: &Path,
    (config, targets): (Option<&PipelineConfig>, Targets),
) -> anyhow::Result<ExitCode> {
    let outputs = Outputs::prepare(&args.common)?;
    let truth = coco::read_truth(truth_path)?;
    let set = truth.with(truth.read_results(predictions)?, predictions)?;
    let names: Vec<&str> = truth.images.iter().map(|p| p.name.as_str()).collect();
    let source = Source {
        outputs,
        slices: args.common.slices(truth_path.parent(), &names)?,
        data_set: args.common.basic.file_data_set(truth_path)?,
        predictions: named_file(predictions)?,
        robustness: Vec::new(),
        warnings: Vec::new(),
    };
    let photos = photos_beside(truth_path);
    judge(args, &set, (config, targets), source, &mut |name| photos(name))
}

fn from_folder(
    args: &DetectorArgs,
    root: &Path,
    (config, environment): (Option<PipelineConfig>, &Environment),
) -> anyhow::Result<ExitCode> {
    let targets = args.common.targets(environment)?;
    let outputs = Outputs::prepare(&args.common)?;
    let folder = LabelledFolder::read(root, &args.select)?;
    let names: Vec<&str> = folder.images.iter().map(|p| p.name.as_str()).collect();
    let slices = args.common.slices(Some(root), &names)?;
    if let Some(out) = &args.save_coco {
        check_writable(&out.join("truth.json"))?;
    }
    let mut config = match config {
        Some(config) => config,
        None if args.weights.is_some() || environment.overrides.detector_model.is_some() => {
            default_config(environment)?
        }
        None => {
            bail!("no configuration names a detector: give --weights or --pipeline-config, or set AI_V2_DETECTOR_MODEL")
        }
    };
    if let Some(weights) = &args.weights {
        config.detector_model.clone_from(weights);
    }
    let digest = folder_digest(root, &args.common.own_files())?;
    let detector = load(args, &config)?;
    let (classes, numbers) = folder.join_classes(detector.classes())?;
    let finder = Finder { args, config: &config, detector: &detector, files: &folder.files, numbers: &numbers };
    let predictions = finder.find(None)?;
    let set = DetectionSet::new(folder.images.clone(), classes, folder.truths.clone(), predictions)?;
    if let Some(out) = &args.save_coco {
        save_coco(&set, out)?;
    }
    let robustness = if args.robustness { robustness(&finder, &set)? } else { Vec::new() };

    let mut warnings = Vec::new();
    if args.precision.is_some() && args.protocol == Protocol::Coco {
        warnings.push(
            "--precision went by COCO's protocol, which keeps boxes that the product suppresses: what it names is not for the \
             configuration"
                .to_owned(),
        );
    }
    if folder.unlabelled > 0 {
        let unlabelled = folder.unlabelled;
        warnings.push(if args.select.labelled_only {
            format!("{unlabelled} images without a label file are left out")
        } else {
            format!(
                "{unlabelled} of {} images have no label file and count as empty: what is found there is called invented \
                 (--labelled-only leaves them out)",
                folder.images.len()
            )
        });
    }
    let source = Source {
        outputs,
        slices,
        data_set: args.common.basic.data_set(root, &digest, root),
        predictions: detector.describe(),
        robustness,
        warnings,
    };
    judge(args, &set, (Some(&config), targets), source, &mut |name| {
        let at = folder.images.iter().position(|p| p.name == name)?;
        dataset::image_file::load(&folder.files[at]).ok()
    })
}

fn load(args: &DetectorArgs, config: &PipelineConfig) -> anyhow::Result<YoloDetector> {
    let classes = if args.all_classes { ClassChoice::All } else { ClassChoice::Card };
    Ok(pipeline::load::load_detector_of(config, classes)?)
}

/// What a report says about where it comes from.
struct Source<'a> {
    outputs: Outputs<'a>,
    data_set: DataSet,
    predictions: String,
    slices: Vec<Slice>,
    robustness: Vec<RobustnessLine>,
    warnings: Vec<String>,
}

fn judge(
    args: &DetectorArgs,
    set: &DetectionSet,
    (config, targets): (Option<&PipelineConfig>, Targets),
    source: Source<'_>,
    image: &mut dyn FnMut(&str) -> Option<RgbImage>,
) -> anyhow::Result<ExitCode> {
    let settings = settings(args, config);
    let report = Report::new(Parts {
        kind: Kind::Detector,
        data_set: source.data_set,
        predictions: source.predictions,
        bootstrap: settings.bootstrap,
        targets,
        required: args.common.required(),
        detection: Some(evaluate_detection(set, &settings, &source.slices)),
        identification: None,
        counts: None,
        robustness: source.robustness,
        worst: worst_cases(set, &settings.confidence, settings.max_detections, args.worst),
        confusions: Vec::new(),
        warnings: source.warnings,
    });
    source.outputs.finish(&report, image)
}

/// Finds boxes in all images, several at a time.
struct Finder<'a> {
    args: &'a DetectorArgs,
    config: &'a PipelineConfig,
    detector: &'a YoloDetector,
    files: &'a [PathBuf],
    /// The evaluation's number of each of the detector's classes.
    numbers: &'a [u32],
}

impl Finder<'_> {
    fn find(&self, damage: Option<Distortion>) -> anyhow::Result<Vec<Prediction>> {
        let jobs = self.config.engine.parallelism();
        let workers = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().context("cannot start threads")?;
        let progress = bar(damage.map_or("detecting", Distortion::as_str), self.files.len());
        let found: anyhow::Result<Vec<Vec<Prediction>>> = workers.install(|| {
            (0..self.files.len())
                .into_par_iter()
                .map(|index| {
                    let predictions = self.find_in(index, damage);
                    progress.inc(1);
                    predictions
                })
                .collect()
        });
        progress.finish_and_clear();
        Ok(found?.into_iter().flatten().collect())
    }

    fn find_in(&self, index: usize, damage: Option<Distortion>) -> anyhow::Result<Vec<Prediction>> {
        let file = &self.files[index];
        let mut image = dataset::image_file::load(file)?;
        if let Some(distortion) = damage {
            let seed = self.args.common.basic.seed.wrapping_add(index as u64);
            image = distortion.apply(&image, seed).with_context(|| format!("cannot damage {}", file.display()))?;
        }
        let images = std::slice::from_ref(&image);
        let defaults = &self.config.options.detect;
        let iou = self.args.iou.map_or(defaults.iou, |iou| iou as f32);
        let found = match self.args.protocol {
            Protocol::Serving => self.detector.detect(
                images,
                &DetectOptions {
                    confidence: Confidences::uniform(FLOOR),
                    iou,
                    tiling: self.args.tiles.unwrap_or(defaults.tiling),
                    ..defaults.clone()
                },
            ),
            Protocol::Coco => self.detector.detect_for_validation(
                images,
                &ValidationOptions { confidence: FLOOR, iou, ..ValidationOptions::default() },
            ),
        };
        let found = found.with_context(|| format!("cannot detect in {}", file.display()))?;
        let detections = found.into_iter().next().unwrap_or_default();
        Ok(detections
            .into_iter()
            .map(|d| Prediction {
                image: index as u32,
                class: self.numbers[d.class.index()],
                rect: d.bbox.into(),
                score: f64::from(d.confidence),
            })
            .collect())
    }
}

fn robustness(finder: &Finder<'_>, set: &DetectionSet) -> anyhow::Result<Vec<RobustnessLine>> {
    let settings = settings(finder.args, Some(finder.config));
    let clean = match_all(set, settings.max_detections);
    let confidences = settings.confidence.by_number(set.classes());
    Distortion::ALL
        .into_iter()
        .map(|distortion| {
            let damaged = set.with_predictions(finder.find(Some(distortion))?)?;
            let damaged = match_all(&damaged, settings.max_detections);
            Ok(detection_drops(distortion, &clean, &damaged, (&confidences, settings.bootstrap)))
        })
        .collect()
}

/// For pycocotools and other tools: ids are positions from 1.
fn save_coco(set: &DetectionSet, out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let bbox = |r: &eval::Rect| [r.x, r.y, r.width, r.height];
    let images = set.images().iter().zip(1..).map(|(p, id)| {
        let (width, height) = p.size.unwrap_or_default();
        json!({ "id": id, "file_name": p.name, "width": width, "height": height })
    });
    let categories = set.classes().iter().zip(1..).map(|(name, id)| json!({ "id": id, "name": name }));
    let annotations = set.truths().iter().zip(1..).map(|(t, id)| {
        json!({ "id": id, "image_id": t.image + 1, "category_id": t.class + 1, "bbox": bbox(&t.rect), "area": t.area, "iscrowd": u8::from(t.crowd) })
    });
    let truth = json!({
        "images": images.collect::<Vec<_>>(),
        "categories": categories.collect::<Vec<_>>(),
        "annotations": annotations.collect::<Vec<_>>(),
    });
    let results = set.predictions().iter().map(
        |p| json!({ "image_id": p.image + 1, "category_id": p.class + 1, "bbox": bbox(&p.rect), "score": p.score }),
    );
    write(&out.join("truth.json"), &truth.to_string())?;
    write(&out.join("results.json"), &serde_json::Value::Array(results.collect()).to_string())
}
