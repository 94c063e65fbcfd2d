//! `shelf eval tiles`: what each way of looking finds on each set, and what it costs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use detector::YoloDetector;
use eval::{DetectionSet, DetectionSettings, ImageInfo, Prediction, Truth, evaluate_detection};
use rayon::prelude::*;
use vision::{DetectOptions, Detections, Detector, Tiling};

use super::sets::{Labelled, PhotoSet};
use super::{Bench, ScaleArgs, says_something};
use crate::environment::Environment;
use crate::eval::outcome::{check_writable_file, write};
use crate::eval::progress::bar;
use crate::eval::settings::as_written;

/// Measure ways of tiling on sets of photos: recall, precision, mAP50, and network pixels a photo
#[derive(Args)]
#[command(after_help = "  shelf eval tiles --sets docs/results/tiling_sets.yaml --csv docs/results/tiling.csv
Sets, columns and definitions: docs/metrics.md.")]
pub(crate) struct TilesArgs {
    #[command(flatten)]
    scale: ScaleArgs,
    /// Ways of tiling, separated by commas: auto, off, COLUMNSxROWS
    #[arg(long, value_delimiter = ',', default_value = "off,2x1,2x2,3x3,auto")]
    tiles: Vec<Tiling>,
    /// What auto may cost a photo, as a multiple of the network's input [default: detector.max_tiles of the
    /// configuration]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256))]
    max_tiles: Option<u32>,
    /// Also write the table as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Columns of the table.
const HEAD: &str = "set,tiles,photos,facings,recall,precision,map50,recall_any_class,precision_any_class,ap50_any_class,\
                    input_pixels,passes,runs,doubted";

/// Minimum confidence of boxes that are kept for curves.
const FLOOR: f32 = 0.001;

/// Boxes of a photo that are looked at.
const MAX_DETECTIONS: usize = 1000;

pub(crate) fn run(args: &TilesArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.csv {
        check_writable_file(path)?;
    }
    let bench = args.scale.bench(environment)?;
    let tiles: Vec<String> = args.tiles.iter().map(ToString::to_string).collect();
    let detect = &bench.config.options.detect;
    // Mosaics have more facings than a photo.
    let max_detections = detect.max_detections.max(MAX_DETECTIONS);
    let max_tiles = args.max_tiles.unwrap_or(detect.max_tiles);
    let mut table = format!(
        "# command: {}\n# detector: {}\n# confidence {}, iou {}, max_tiles {max_tiles}\n# map50: mean over classes; \
         any_class: whatever the class; input_pixels, passes, runs: means a photo\n{HEAD}\n",
        args.scale.command("tiles", &format!(" --tiles {} --max-tiles {max_tiles}", tiles.join(","))),
        bench.detector.describe(),
        detect.confidence,
        detect.iou,
    );
    println!("{HEAD}");
    for set in &bench.sets {
        for &tiling in &args.tiles {
            let options = DetectOptions { tiling, max_tiles, max_detections, ..detect.clone() };
            let line = Row::measure(&bench, set, &options)?.line(&set.name, tiling);
            println!("{line}");
            table += &format!("{line}\n");
        }
    }
    if let Some(path) = &args.csv {
        write(path, &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One way of tiling on one set.
struct Row {
    photos: usize,
    facings: usize,
    by_class: Metrics,
    any_class: Metrics,
    pixels: f64,
    passes: f64,
    runs: f64,
    doubted: usize,
}

struct Metrics {
    recall: Option<f64>,
    precision: Option<f64>,
    map50: Option<f64>,
}

/// What was found on one photo.
struct Seen {
    size: (u32, u32),
    truths: Vec<Truth>,
    /// Down to the floor.
    predictions: Vec<Prediction>,
    /// As served.
    served: Detections,
}

impl Row {
    fn measure(bench: &Bench, set: &PhotoSet, options: &DetectOptions) -> anyhow::Result<Self> {
        let progress = bar(&set.name, set.photos.len());
        let workers = rayon::ThreadPoolBuilder::new().num_threads(bench.config.engine.parallelism()).build()?;
        let seen = workers.install(|| {
            let see = |number| {
                let seen = see(&bench.detector, &set.load(number)?, number as u32, options);
                progress.inc(1);
                seen.with_context(|| format!("set {}, photo {number}", set.name))
            };
            (0..set.photos.len()).into_par_iter().map(see).collect::<anyhow::Result<Vec<Seen>>>()
        })?;
        progress.finish_and_clear();
        let names = bench.detector.classes();
        let confidence = options.confidence.by_number(names);
        let mean = |value: &dyn Fn(&Seen) -> f64| seen.iter().map(value).sum::<f64>() / seen.len() as f64;
        Ok(Self {
            photos: seen.len(),
            facings: seen.iter().flat_map(|photo| &photo.truths).filter(|truth| !truth.crowd).count(),
            by_class: metrics(&seen, names, &confidence, false)?,
            any_class: metrics(&seen, names, &confidence, true)?,
            pixels: mean(&|photo| photo.served.trace.pixels() as f64),
            passes: mean(&|photo| photo.served.trace.passes.len() as f64),
            runs: mean(&|photo| {
                let tiles = photo.served.trace.passes.iter().map(|pass| pass.columns * pass.rows);
                f64::from(tiles.sum::<u32>())
            }),
            doubted: seen.iter().filter(|photo| !photo.served.trace.doubts.is_empty()).count(),
        })
    }

    fn line(&self, set: &str, tiling: Tiling) -> String {
        let Self { photos, facings, pixels, passes, runs, doubted, .. } = self;
        let metric = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
        let of = |f: &Metrics| [f.recall, f.precision, f.map50].map(metric).join(",");
        format!(
            "{set},{tiling},{photos},{facings},{},{},{pixels:.0},{passes:.2},{runs:.2},{doubted}",
            of(&self.by_class),
            of(&self.any_class)
        )
    }
}

fn see(detector: &YoloDetector, photo: &Labelled, number: u32, options: &DetectOptions) -> anyhow::Result<Seen> {
    let (served, all) = detector.detect_down_to(&photo.image, options, FLOOR)?;
    let predictions = all.iter().map(|d| Prediction {
        image: number,
        class: d.class.0.into(),
        rect: d.bbox.into(),
        score: d.confidence.into(),
    });
    Ok(Seen {
        size: photo.image.dimensions(),
        truths: photo.truths.clone(),
        predictions: predictions.collect(),
        served,
    })
}

/// Recall and precision of what is served, and mAP50 down to the floor.
fn metrics(seen: &[Seen], names: &[String], confidence: &[f32], any_class: bool) -> anyhow::Result<Metrics> {
    let images: Vec<ImageInfo> =
        seen.iter().map(|photo| ImageInfo { name: String::new(), size: Some(photo.size) }).collect();
    let mut truths: Vec<Truth> = seen.iter().flat_map(|photo| photo.truths.iter().copied()).collect();
    if any_class {
        truths.retain(|truth| !truth.crowd);
    }
    let says = |p: &Prediction| !any_class || says_something(p, &seen[p.image as usize].truths);
    let served = |photo: &Seen, number: usize| -> Vec<Prediction> {
        let of = |d: &vision::Detection| Prediction {
            image: number as u32,
            class: d.class.0.into(),
            rect: d.bbox.into(),
            score: d.confidence.into(),
        };
        photo.served.detections.iter().map(of).collect()
    };
    let at_serving: Vec<Prediction> =
        seen.iter().enumerate().flat_map(|(number, photo)| served(photo, number)).filter(says).collect();
    let all: Vec<Prediction> = seen.iter().flat_map(|photo| photo.predictions.iter().copied()).filter(says).collect();
    let renumber = |p: Prediction| Prediction { class: if any_class { 0 } else { p.class }, ..p };
    if any_class {
        truths.iter_mut().for_each(|truth| truth.class = 0);
    }
    let names = if any_class { vec!["container".to_owned()] } else { names.to_vec() };
    let min = confidence.iter().copied().fold(f32::INFINITY, f32::min);
    let settings = DetectionSettings {
        confidence: as_written(min).into(),
        precision: None,
        max_detections: MAX_DETECTIONS,
        bootstrap: eval::Bootstrap { resamples: 0, seed: 0 },
    };
    let metric = |predictions: Vec<Prediction>, name: &str| -> anyhow::Result<[Option<f64>; 2]> {
        let predictions = predictions.into_iter().map(renumber).collect();
        let set = DetectionSet::new(images.clone(), names.clone(), truths.clone(), predictions)?;
        let section = evaluate_detection(&set, &settings, &[]);
        let of = |name: &str| section.metrics.values.get(name).copied().flatten();
        Ok([of(name), of("precision")])
    };
    let [recall, precision] = metric(at_serving, "recall")?;
    let [map50, _] = metric(all, "map50")?;
    Ok(Metrics { recall, precision, map50 })
}
