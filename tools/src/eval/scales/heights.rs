//! `shelf eval heights`: at which heights on its input a detector finds facings.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use eval::heights::{HeightBand, HeightCurve, band};
use eval::matching::pair;
use eval::{DetectionSet, ImageInfo, Prediction, Truth};
use rayon::prelude::*;
use vision::{DetectOptions, Detector, FacingHeight, ModelCard, Tiling};

use super::curve;
use super::sets::{Labelled, PhotoSet};
use super::{Bench, ScaleArgs, says_something};
use crate::environment::Environment;
use crate::eval::outcome::{check_writable_file, write};
use crate::eval::progress::bar;

/// Measure recall and precision by the height of facings on the network's input, and the heights it is good at
#[derive(Args)]
#[command(after_help = "Every photo runs at several scales, so that its median facing gets each of the heights.

  shelf eval heights --sets docs/results/tiling_sets.yaml --csv heights.csv --plot heights.png
  shelf eval heights --sets sets.yaml --weights new.onnx --write-card
Definitions: docs/metrics.md.")]
pub(crate) struct HeightsArgs {
    #[command(flatten)]
    scale: ScaleArgs,
    /// Heights that the median facing of each photo is shown at, in network pixels, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "16,24,32,48,64,96,128,192,256", value_parser = height)]
    heights: Vec<f32>,
    /// Maximum network pixels per photo pixel: beyond, photos rather than networks are measured
    #[arg(long, default_value_t = 3.0, value_parser = height)]
    max_enlargement: f32,
    /// Also write the curves as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Plot the curves as PNG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write the heights into the model card beside the weights, from where serving takes them
    #[arg(long)]
    write_card: bool,
}

/// Passes of so many times the network's own input are measured with.
const MAX_TILES: u32 = 40;

fn height(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|h| (1.0..=4096.0).contains(h)).ok_or_else(|| "it must be a number from 1 to 4096".into())
}

pub(crate) fn run(args: &HeightsArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    for path in args.csv.iter().chain(&args.plot) {
        check_writable_file(path)?;
    }
    let bench = args.scale.bench(environment)?;
    let card = if args.write_card { Some(card_of(&bench)?) } else { None };
    let mut curves: Vec<(String, HeightCurve)> = Vec::new();
    for set in &bench.sets {
        curves.push((set.name.clone(), measure(&bench, set, args)?));
    }
    let alone: Vec<HeightCurve> = curves.iter().map(|(_, curve)| curve.clone()).collect();
    let band = band(&alone);
    let head = format!(
        "# command: {}\n# detector: {}\n# confidence {}; found: IoU .5, whatever the class\n",
        args.scale.command("heights", ""),
        bench.detector.describe(),
        bench.config.options.detect.confidence,
    );
    let table = curve::csv(&curves, band);
    print!("{table}");
    if let Some(path) = &args.csv {
        write(path, &(head + &table))?;
    }
    if let Some(path) = &args.plot {
        curve::save_plot(&curves, band, path)?;
    }
    if let Some(mut card) = card {
        let Some(HeightBand { min, best, max }) = band else {
            bail!("no set has enough facings to say at which heights the network is good; the card stays as it was")
        };
        let heights = FacingHeight { min: min.round() as f32, best: best.round() as f32, max: max.round() as f32 };
        heights.validate()?;
        card.facing_height = Some(heights);
        let path = card.write_beside(&bench.config.detector_model)?;
        eprintln!("wrote facing_height into {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn card_of(bench: &Bench) -> anyhow::Result<ModelCard> {
    let weights = &bench.config.detector_model;
    let card = ModelCard::read_beside(weights)?;
    card.with_context(|| format!("{} has no model card; `shelf models import` makes one", weights.display()))
}

fn measure(bench: &Bench, set: &PhotoSet, args: &HeightsArgs) -> anyhow::Result<HeightCurve> {
    let progress = bar(&set.name, set.photos.len());
    let workers = rayon::ThreadPoolBuilder::new().num_threads(bench.config.engine.parallelism()).build()?;
    let parts = workers.install(|| {
        let part = |number| {
            let part = measure_photo(bench, &set.load(number)?, number as u32, args);
            progress.inc(1);
            part.with_context(|| format!("set {}, photo {number}", set.name))
        };
        (0..set.photos.len()).into_par_iter().map(part).collect::<anyhow::Result<Vec<HeightCurve>>>()
    })?;
    progress.finish_and_clear();
    Ok(parts.iter().fold(HeightCurve::default(), |sum, part| sum + part))
}

/// One photo at all heights wanted.
fn measure_photo(bench: &Bench, photo: &Labelled, number: u32, args: &HeightsArgs) -> anyhow::Result<HeightCurve> {
    let options = DetectOptions { tiling: Tiling::Off, max_tiles: MAX_TILES, ..bench.config.options.detect.clone() };
    let mut curve = HeightCurve::default();
    let mut heights: Vec<f64> = photo.truths.iter().filter(|t| !t.crowd).map(|t| t.rect.height).collect();
    heights.sort_by(f64::total_cmp);
    let Some(&median) = heights.get(heights.len() / 2).filter(|median| **median > 0.0) else { return Ok(curve) };
    for wanted in &args.heights {
        let scale = wanted / median as f32;
        if scale > args.max_enlargement {
            continue;
        }
        let (pass, found) = bench.detector.detect_at(&photo.image, scale, &options)?;
        // The pass would have been too large.
        if pass.scale < 0.8 * scale {
            continue;
        }
        let predictions = found.iter().map(|d| Prediction {
            image: number,
            class: d.class.0.into(),
            rect: d.bbox.into(),
            score: d.confidence.into(),
        });
        count(&mut curve, predictions.collect(), photo, pass.scale.into())?;
    }
    Ok(curve)
}

/// Adds one pass to a curve.
fn count(curve: &mut HeightCurve, mut found: Vec<Prediction>, photo: &Labelled, scale: f64) -> anyhow::Result<()> {
    found.retain(|prediction| says_something(prediction, &photo.truths));
    found.iter_mut().for_each(|prediction| (prediction.class, prediction.image) = (0, 0));
    let truths = photo.truths.iter().filter(|truth| !truth.crowd);
    let truths: Vec<Truth> = truths.map(|truth| Truth { class: 0, image: 0, ..*truth }).collect();
    let max = found.len().max(1);
    let image = ImageInfo { name: String::new(), size: Some(photo.image.dimensions()) };
    let set = DetectionSet::new(vec![image], vec!["container".to_owned()], truths, found)?;
    let pairing = pair(&set, 0.5, &0.0_f64.into(), max);
    for (truth, found) in set.truths().iter().zip(&pairing.found_by) {
        curve.add_truth(truth.rect.height * scale, found.is_some());
    }
    for (prediction, result) in set.predictions().iter().zip(&pairing.results) {
        curve.add_box(prediction.rect.height * scale, matches!(result, eval::MatchResult::Right(_)));
    }
    Ok(())
}
