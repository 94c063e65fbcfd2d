//! `shelf eval shelf-counts`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use eval::evaluate::{evaluate_counts, evaluate_detection, evaluate_identification};
use eval::formats::{self, Facing, Shelf, ShelfComparison, Shelves};
use eval::report::document::Parts;
use eval::report::{DataSet, Kind, worst_cases};
use eval::robustness::{Distortion, RobustnessLine, drops};
use eval::{DetectionSettings, Report, Slice, Targets};
use pipeline::config::PipelineConfig;
use pipeline::{Photo, RecognizeError, Recognized, Recognizer};
use rayon::prelude::*;
use vision::{Confidences, RgbImage};

use super::boxes::photos_beside;
use super::outcome::Outputs;
use super::progress::{bar, folder_digest};
use super::scenes;
use super::settings::{CommonArgs, named_file, serving_confidence, share};
use crate::environment::Environment;

/// Measure whole shelves: counts per SKU, and detection and identification where the truth lists facings
#[derive(Args)]
#[command(after_help = "Exit code: 0 gates passed, 1 a gate failed, 2 could not evaluate.

  shelf eval shelf-counts --test-dir data/shelves --output results.json
  shelf recognize photos/ --json > answers.jsonl
  shelf eval shelf-counts --ground-truth counts.json --predictions answers.jsonl
Formats and definitions: docs/metrics.md.")]
pub(crate) struct ShelfCountsArgs {
    /// Photos with what is truly on them
    #[arg(
        long,
        alias = "data",
        value_name = "DIR",
        required_unless_present = "predictions",
        conflicts_with = "predictions"
    )]
    test_dir: Option<PathBuf>,
    /// Saved predictions: shelf counts, counts by picture, COCO results, or answers of the server
    #[arg(long, value_name = "FILE", requires = "ground_truth")]
    predictions: Option<PathBuf>,
    /// What is truly there: shelf counts, counts by picture, or COCO ground truth
    #[arg(long, value_name = "FILE", requires = "predictions")]
    ground_truth: Option<PathBuf>,
    /// Serving confidence, of every class [default: detector.confidence and class_confidence of the configuration]
    #[arg(long, value_parser = share)]
    conf: Option<f64>,
    /// Measure again under blur, JPEG 30, dark, glare, noise, occlusion and downscale
    #[arg(long, requires = "test_dir")]
    robustness: bool,
    /// Pictures shown among the worst
    #[arg(long, default_value_t = 12, value_name = "N")]
    worst: usize,
    #[command(flatten)]
    common: CommonArgs,
}

/// Predictions looked at per class and picture.
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
    let measured = Measured { comparison, confidence, warnings };
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
    // Top-5 of fewer candidates would be a lower figure under the same name.
    config.options.top_k = config.options.top_k.max(5);
    let recognizer = pipeline::load(&config)?.recognizer;
    let codes: Vec<String> = recognizer.gallery().skus().iter().map(|s| s.code.clone()).collect();
    let scenes = scenes::read(root, &codes)?;
    let slices = slices(args, &scenes.truth, Some(root))?;
    let digest = folder_digest(root, &args.common.own_files())?;
    let run = Run { recognizer: &recognizer, config: &config, files: &scenes.files, truth: &scenes.truth, codes };
    let found = run.recognize(None, args.common.basic.seed)?;
    let comparison = formats::compare(&scenes.truth, &found, root, confidence)?;
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
    let measured = Measured { comparison, confidence, warnings };
    judge(args, measured, targets, source, &mut |name| {
        let at = scenes.truth.pictures.iter().position(|p| p.name == name)?;
        dataset::picture::load(&scenes.files[at]).ok()
    })
}

fn slices(args: &ShelfCountsArgs, truth: &Shelves, folder: Option<&Path>) -> anyhow::Result<Vec<Slice>> {
    let names: Vec<&str> = truth.pictures.iter().map(|p| p.name.as_str()).collect();
    args.common.slices(folder, &names)
}

/// What the reader must know before trusting a figure.
fn warnings(truth: &Shelves, found: &Shelves, comparison: &ShelfComparison) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(first) = comparison.unanswered.first() {
        warnings.push(format!(
            "nothing was predicted for {} of {} pictures (first: {first}): they count as empty",
            comparison.unanswered.len(),
            truth.pictures.len()
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
        let named: BTreeSet<&String> = truth.pictures.iter().flat_map(|p| p.counts.keys()).collect();
        let missing: Vec<&str> = named.difference(&known).map(|s| s.as_str()).collect();
        if !missing.is_empty() {
            warnings.push(format!(
                "{} of {} SKUs on the pictures are not enrolled and can never be counted: {}",
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
}

fn judge(
    args: &ShelfCountsArgs,
    measured: Measured<'_>,
    targets: Targets,
    source: Source<'_>,
    picture: &mut dyn FnMut(&str) -> Option<RgbImage>,
) -> anyhow::Result<ExitCode> {
    let Measured { comparison, confidence, warnings } = measured;
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
        counts: Some(evaluate_counts(&comparison.counts, bootstrap, slices)),
        robustness: source.robustness,
        worst: boxes.map(|set| worst_cases(set, &settings.confidence, MAX_DETECTIONS, args.worst)).unwrap_or_default(),
        warnings,
    });
    source.outputs.finish(&report, picture)
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
    fn recognize(&self, damage: Option<Distortion>, seed: u64) -> anyhow::Result<Shelves> {
        let jobs = self.config.engine.parallelism();
        let workers = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().context("cannot start threads")?;
        let progress = bar(damage.map_or("recognising", Distortion::as_str), self.files.len());
        let pictures: anyhow::Result<Vec<Shelf>> = workers.install(|| {
            (0..self.files.len())
                .into_par_iter()
                .map(|index| {
                    let shelf = self.recognize_one(index, damage.map(|d| (d, seed.wrapping_add(index as u64))));
                    progress.inc(1);
                    shelf.with_context(|| format!("cannot recognise {}", self.files[index].display()))
                })
                .collect()
        });
        progress.finish_and_clear();
        Ok(Shelves { pictures: pictures?, enrolled: Some(self.codes.clone()) })
    }

    fn recognize_one(&self, index: usize, damage: Option<(Distortion, u64)>) -> anyhow::Result<Shelf> {
        let file = &self.files[index];
        let image = dataset::picture::load(file)?;
        let image = match damage {
            Some((distortion, seed)) => distortion.apply(&image, seed)?,
            None => image,
        };
        let answers = self.recognizer.recognize(vec![Photo::Pixels(image)], &self.config.options);
        let answer = answers.into_iter().next().context("no answer")?.map_err(|error| match error {
            RecognizeError::Model(error) => anyhow::Error::new(error),
            other => other.into(),
        })?;
        Ok(self.shelf(self.truth.pictures[index].name.clone(), &answer))
    }

    fn shelf(&self, name: String, answer: &Recognized) -> Shelf {
        let recognition = &answer.recognition;
        let classes = self.recognizer.detector().classes();
        let code = |id| self.recognizer.gallery().sku(id).map(|sku| sku.code.clone());
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
    let over = (clean.counts.pictures().len(), args.common.bootstrap());
    Distortion::ALL
        .into_iter()
        .map(|distortion| {
            let found = run.recognize(Some(distortion), args.common.basic.seed)?;
            let damaged = formats::compare(run.truth, &found, Path::new("damaged photos"), confidence)?;
            let figures = |side: &ShelfComparison, weights: Option<&[u32]>| {
                let s = side.counts.summarize(weights);
                [s.mean_category_counting_iou, s.macro_mae]
            };
            Ok(drops(distortion, ["count_mciou", "count_mae"], over, |w| figures(clean, w), |w| figures(&damaged, w)))
        })
        .collect()
}
