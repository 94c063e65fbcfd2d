//! `shelf eval shelf-counts`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use eval::evaluate::{Metrics, evaluate_counts, evaluate_detection, evaluate_identification};
use eval::formats::{self, Facing, Shelf, ShelfComparison, Shelves};
use eval::report::document::Parts;
use eval::report::{ConfusedFacings, DataSet, Kind, confused_facings, worst_cases};
use eval::robustness::{Distortion, RobustnessLine, drops};
use eval::{DetectionSettings, Report, Slice, Stated, Targets};
use pipeline::config::PipelineConfig;
use pipeline::{Photo, RecognizeError, Recognized, Recognizer};
use rayon::prelude::*;
use vision::{Confidences, RgbImage};

use super::boxes::photos_beside;
use super::oracles;
use super::outcome::Outputs;
use super::progress::{bar, folder_digest};
use super::scenes;
use super::settings::{CommonArgs, fraction, named_file, serving_confidence};
use crate::chosen::ChosenArgs;
use crate::environment::Environment;

/// Evaluate whole shelves: counts per SKU, and detection and identification where the ground truth lists facings
#[derive(Args)]
#[command(after_help = "Exit code: 0 gates passed, 1 a gate failed, 2 could not evaluate.

  shelf eval shelf-counts --test-dir data/shelves --output results.json
  shelf eval shelf-counts --test-dir coolers --split coolers.json --part test --report report/
  shelf recognize photos/ --json > answers.jsonl
  shelf eval shelf-counts --ground-truth counts.json --predictions answers.jsonl
Formats and definitions: docs/metrics.md.")]
pub(crate) struct ShelfCountsArgs {
    /// Folder of photos with ground truth
    #[arg(
        long,
        alias = "data",
        value_name = "DIR",
        required_unless_present = "predictions",
        conflicts_with = "predictions"
    )]
    test_dir: Option<PathBuf>,
    #[command(flatten)]
    chosen: ChosenArgs,
    /// Saved predictions: shelf counts, counts by image, COCO results, or answers of the server
    #[arg(long, value_name = "FILE", requires = "ground_truth")]
    predictions: Option<PathBuf>,
    /// Ground truth: shelf counts, counts by image, or COCO
    #[arg(long, value_name = "FILE", requires = "predictions")]
    ground_truth: Option<PathBuf>,
    /// Serving confidence, of every class [default: detector.confidence and class_confidence of the configuration]
    #[arg(long, value_parser = fraction)]
    conf: Option<f64>,
    /// Measure again under blur, JPEG 30, dark, glare, noise, occlusion and downscale
    #[arg(long, requires = "test_dir")]
    robustness: bool,
    /// Leave out the counts with true boxes and with true SKUs
    #[arg(long)]
    no_oracles: bool,
    /// Pairs of confused SKUs shown with their facings
    #[arg(long, default_value_t = 20, value_name = "N")]
    confusions: usize,
    /// Number of worst images shown
    #[arg(long, default_value_t = 12, value_name = "N")]
    worst: usize,
    #[command(flatten)]
    common: CommonArgs,
}

/// Predictions looked at per class and image.
const MAX_DETECTIONS: usize = eval::matching::DEFAULT_MAX_DETECTIONS;

pub(super) fn run(args: &ShelfCountsArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = args.common.basic.config(environment)?;
    let targets = args.common.targets(environment)?;
    let confidence = &serving_confidence(args.conf, config.as_ref());
    match (&args.test_dir, &args.predictions, &args.ground_truth) {
        (Some(root), ..) => live(args, root, (config, targets), confidence),
        (None, Some(predictions), Some(truth)) => saved(args, predictions, truth, (targets, confidence)),
        _ => bail!("give --test-dir, or --predictions and --ground-truth"),
    }
}

fn saved(
    args: &ShelfCountsArgs,
    path: &Path,
    truth_path: &Path,
    (targets, confidence): (Targets, &Confidences<f64>),
) -> anyhow::Result<ExitCode> {
    let outputs = Outputs::prepare(&args.common)?;
    let truth = formats::read_true_shelves(truth_path)?;
    let slices = slices(args, &truth, truth_path.parent())?;
    let found = formats::read_predicted_shelves(path, &truth, truth_path, confidence)?;
    let comparison = formats::compare(&truth, &found, path, confidence)?;
    let source = Source {
        outputs,
        data_set: args.common.basic.file_data_set(truth_path)?,
        predictions: named_file(path)?,
        slices,
        robustness: Vec::new(),
    };
    let photos = photos_beside(truth_path);
    let warnings = warnings(&truth, &found, &comparison);
    let oracles = if args.no_oracles {
        Metrics::default()
    } else {
        oracles::true_skus((&truth, &found), (path, confidence), args.common.bootstrap())?
    };
    let confusions = confusions(args, (&truth, &found), &comparison, (confidence, path))?;
    let measured = Measured { comparison, confidence, warnings, confusions, oracles };
    judge(args, measured, targets, source, &mut |name| photos(name))
}

fn live(
    args: &ShelfCountsArgs,
    root: &Path,
    (config, targets): (Option<PipelineConfig>, Targets),
    confidence: &Confidences<f64>,
) -> anyhow::Result<ExitCode> {
    let outputs = Outputs::prepare(&args.common)?;
    let mut config = config.context("no configuration says what recognises photos: give --pipeline-config")?;
    if let Some(confidence) = args.conf {
        config.options.detect.confidence = (confidence as f32).into();
    }
    // Top-5 of fewer candidates would be a lower metric under the same name.
    config.options.top_k = config.options.top_k.max(5);
    let recognizer = pipeline::load(&config)?.recognizer;
    let codes: Vec<String> = recognizer.gallery().skus().iter().map(|s| s.code.clone()).collect();
    let scenes = scenes::read(root, &codes, args.chosen.read()?.as_ref())?;
    let slices = slices(args, &scenes.truth, Some(root))?;
    let digest = folder_digest(root, &args.common.own_files())?;
    let run = Run { recognizer: &recognizer, config: &config, files: &scenes.files, truth: &scenes.truth, codes };
    let found = run.recognize(&Boxes::Detected, args.common.basic.seed)?;
    let comparison = formats::compare(&scenes.truth, &found, root, confidence)?;
    let mut oracles = Metrics::default();
    if !args.no_oracles && comparison.boxes.is_some() {
        oracles = oracles::true_skus((&scenes.truth, &found), (root, confidence), args.common.bootstrap())?;
        let found = run.recognize(&Boxes::True, args.common.basic.seed)?;
        oracles.extend(&oracles::true_boxes((&scenes.truth, &found), root, args.common.bootstrap())?);
    }
    let robustness = if args.robustness { robustness(args, &run, &comparison, confidence)? } else { Vec::new() };
    let source = Source {
        outputs,
        data_set: args.common.basic.data_set(root, &digest, root),
        predictions: format!(
            "{}, {}, {}",
            recognizer.detector().describe(),
            recognizer.embedder().describe(),
            recognizer.gallery().describe()
        ),
        slices,
        robustness,
    };
    let warnings = warnings(&scenes.truth, &found, &comparison);
    let confusions = confusions(args, (&scenes.truth, &found), &comparison, (confidence, root))?;
    let measured = Measured { comparison, confidence, warnings, confusions, oracles };
    judge(args, measured, targets, source, &mut |name| {
        let at = scenes.truth.images.iter().position(|p| p.name == name)?;
        dataset::image_file::load(&scenes.files[at]).ok()
    })
}

fn slices(args: &ShelfCountsArgs, truth: &Shelves, folder: Option<&Path>) -> anyhow::Result<Vec<Slice>> {
    let names: Vec<&str> = truth.images.iter().map(|p| p.name.as_str()).collect();
    args.common.slices(folder, &names)
}

/// What the reader must know before trusting a metric.
fn warnings(truth: &Shelves, found: &Shelves, comparison: &ShelfComparison) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(first) = comparison.unanswered.first() {
        warnings.push(format!(
            "nothing was predicted for {} of {} images (first: {first}): they count as empty",
            comparison.unanswered.len(),
            truth.images.len()
        ));
    }
    if comparison.boxes.is_some() {
        warnings.push(
            "answers hold only boxes above the serving confidence: mAP is a lower bound here (`shelf eval detector` measures it \
             in full)"
                .to_owned(),
        );
    }
    if let Some(enrolled) = &found.enrolled {
        let known: BTreeSet<&String> = enrolled.iter().collect();
        let named: BTreeSet<&String> = truth.images.iter().flat_map(|p| p.counts.keys()).collect();
        let missing: Vec<&str> = named.difference(&known).map(|s| s.as_str()).collect();
        if !missing.is_empty() {
            warnings.push(format!(
                "{} of {} SKUs on the images are not enrolled and can never be counted: {}",
                missing.len(),
                named.len(),
                missing.iter().take(8).copied().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    warnings
}

struct Source<'a> {
    outputs: Outputs<'a>,
    data_set: DataSet,
    predictions: String,
    slices: Vec<Slice>,
    robustness: Vec<RobustnessLine>,
}

struct Measured<'a> {
    comparison: ShelfComparison,
    confidence: &'a Confidences<f64>,
    warnings: Vec<String>,
    confusions: Vec<ConfusedFacings>,
    /// What detection and identity cost apart.
    oracles: Metrics,
}

fn confusions(
    args: &ShelfCountsArgs,
    shelves: (&Shelves, &Shelves),
    comparison: &ShelfComparison,
    (confidence, path): (&Confidences<f64>, &Path),
) -> anyhow::Result<Vec<ConfusedFacings>> {
    let Some(boxes) = &comparison.boxes else { return Ok(Vec::new()) };
    Ok(confused_facings(shelves, boxes, (confidence, path), args.confusions)?)
}

fn judge(
    args: &ShelfCountsArgs,
    measured: Measured<'_>,
    targets: Targets,
    source: Source<'_>,
    image: &mut dyn FnMut(&str) -> Option<RgbImage>,
) -> anyhow::Result<ExitCode> {
    let Measured { comparison, confidence, warnings, confusions, oracles } = measured;
    let mut counts = evaluate_counts(&comparison.counts, args.common.bootstrap(), &source.slices);
    counts.metrics.extend(&oracles);
    let slices = &source.slices;
    let bootstrap = args.common.bootstrap();
    let (confidence, precision) = (confidence.clone(), None);
    let settings = DetectionSettings { confidence, precision, max_detections: MAX_DETECTIONS, bootstrap };
    let boxes = comparison.boxes.as_ref();
    let report = Report::new(Parts {
        kind: Kind::ShelfCounts,
        data_set: source.data_set,
        predictions: source.predictions,
        bootstrap,
        targets,
        required: args.common.required(),
        detection: boxes.map(|set| evaluate_detection(set, &settings, slices)),
        identification: comparison.identities.as_ref().map(|set| evaluate_identification(set, bootstrap, slices)),
        counts: Some(counts),
        robustness: source.robustness,
        worst: boxes.map(|set| worst_cases(set, &settings.confidence, MAX_DETECTIONS, args.worst)).unwrap_or_default(),
        confusions,
        warnings,
    });
    source.outputs.finish(&report, image)
}

/// Where facings are looked for.
enum Boxes {
    /// Where the detector finds them.
    Detected,
    /// The same on damaged photos.
    Damaged(Distortion),
    /// Where they truly are.
    True,
}

/// Recognises all photos of a folder.
struct Run<'a> {
    recognizer: &'a Recognizer,
    config: &'a PipelineConfig,
    files: &'a [PathBuf],
    truth: &'a Shelves,
    codes: Vec<String>,
}

impl Run<'_> {
    fn recognize(&self, boxes: &Boxes, seed: u64) -> anyhow::Result<Shelves> {
        let jobs = self.config.engine.parallelism();
        let workers = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().context("cannot start threads")?;
        let title = match boxes {
            Boxes::Detected => "recognising",
            Boxes::Damaged(damage) => damage.as_str(),
            Boxes::True => "true boxes",
        };
        let progress = bar(title, self.files.len());
        let images: anyhow::Result<Vec<Shelf>> = workers.install(|| {
            (0..self.files.len())
                .into_par_iter()
                .map(|index| {
                    let shelf = self.recognize_one(index, boxes, seed.wrapping_add(index as u64));
                    progress.inc(1);
                    shelf.with_context(|| format!("cannot recognise {}", self.files[index].display()))
                })
                .collect()
        });
        progress.finish_and_clear();
        Ok(Shelves { images: images?, enrolled: Some(self.codes.clone()) })
    }

    fn recognize_one(&self, index: usize, boxes: &Boxes, seed: u64) -> anyhow::Result<Shelf> {
        let image = dataset::image_file::load(&self.files[index])?;
        let truth = &self.truth.images[index];
        let image = match boxes {
            Boxes::Damaged(distortion) => distortion.apply(&image, seed)?,
            Boxes::Detected => image,
            Boxes::True => {
                let detections = oracles::detections(truth, self.recognizer.detector().classes());
                let answer = self.recognizer.identify(image, detections, &self.config.options)?;
                return Ok(self.shelf(truth.name.clone(), &answer));
            }
        };
        let answers = self.recognizer.recognize(vec![Photo::Pixels(image)], &self.config.options);
        let answer = answers.into_iter().next().context("no answer")?.map_err(|error| match error {
            RecognizeError::Model(error) => anyhow::Error::new(error),
            other => other.into(),
        })?;
        Ok(self.shelf(truth.name.clone(), &answer))
    }

    fn shelf(&self, name: String, answer: &Recognized) -> Shelf {
        let recognition = &answer.recognition;
        let classes = self.recognizer.detector().classes();
        let code = |id| self.recognizer.gallery().sku(id).map(|sku| sku.code.clone());
        let stated = |decision: &vision::Decision| Stated {
            probability: decision.probability.map(f64::from),
            // What is accepted is decided by the whole photo, not by the threshold alone.
            excess: decision.candidates.first().map(|best| {
                let threshold = self.recognizer.threshold(Some(best.sku));
                let over = best.similarity - threshold;
                f64::from(if decision.sku.is_some() { over.max(0.0) } else { over.min(-f32::EPSILON) })
            }),
        };
        let facing = |item: &vision::RecognizedItem| Facing {
            rect: item.detection.bbox.into(),
            class: classes.get(item.detection.class.index()).cloned().unwrap_or_default(),
            sku: item.decision.sku.and_then(code),
            crowd: false,
            confidence: f64::from(item.detection.confidence),
            candidates: item
                .decision
                .candidates
                .iter()
                .filter_map(|c| Some((code(c.sku)?, f64::from(c.similarity))))
                .collect(),
            stated: stated(&item.decision),
        };
        Shelf {
            name,
            sha256: None,
            size: Some((recognition.width, recognition.height)),
            counts: recognition.counts.iter().map(|c| (c.sku.code.clone(), u64::from(c.count))).collect(),
            facings: Some(recognition.items.iter().map(facing).collect()),
        }
    }
}

fn robustness(
    args: &ShelfCountsArgs,
    run: &Run<'_>,
    clean: &ShelfComparison,
    confidence: &Confidences<f64>,
) -> anyhow::Result<Vec<RobustnessLine>> {
    let over = (clean.counts.images().len(), args.common.bootstrap());
    Distortion::ALL
        .into_iter()
        .map(|distortion| {
            let found = run.recognize(&Boxes::Damaged(distortion), args.common.basic.seed)?;
            let damaged = formats::compare(run.truth, &found, Path::new("damaged photos"), confidence)?;
            let metrics = |side: &ShelfComparison, weights: Option<&[u32]>| {
                let s = side.counts.summarize(weights);
                [s.mean_category_counting_iou, s.macro_mae]
            };
            Ok(drops(distortion, ["count_mciou", "count_mae"], over, |w| metrics(clean, w), |w| metrics(&damaged, w)))
        })
        .collect()
}
