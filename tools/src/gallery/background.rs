//! `shelf gallery background`: embeddings of foreign products, for galleries to learn from what is unknown.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use classifier::background::{Background, MAX_ROWS};
use dataset::yolo::BadLabels;
use dataset::{DataFolder, LayoutChoice, LayoutKind};
use rayon::prelude::*;
use vision::{BBox, Embedder as _, Embedding, Random, RgbImage};

use super::{counted, progress_bar};
use crate::environment::Environment;

/// Make the background of an embedder: embeddings of foreign products, for its thresholds
///
/// Folders hold a folder of images per product, or images with YOLO labels, whose boxes are cut out by the embedder's
/// own rule.
/// What the products are called is not kept. The result lies beside the weights, and their model card names it.
#[derive(Args)]
#[command(after_help = "  shelf gallery background packs/ photos-with-labels/ --weights models/classifier/next.onnx")]
pub(crate) struct BackgroundArgs {
    /// Folders of images
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Weights of the embedder [default: embedder.model of the configuration]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Maximum number of embeddings kept, sampled from all
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=MAX_ROWS as i64))]
    max_embeddings: u32,
    /// Leave out what is more similar than this to one that is kept already
    #[arg(long, value_name = "SIMILARITY", default_value_t = 0.95, value_parser = crate::recognize::fraction)]
    redundant_from: f32,
    /// Leave out boxes with a side below this many pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 16.0)]
    min_side: f64,
    /// Seed of the draw
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// An image, or a box on one.
struct Source {
    file: PathBuf,
    /// Edges as fractions of the image.
    edges: Option<[f64; 4]>,
}

/// Crops embedded at a time.
const BATCH: usize = 32;
/// Kept embeddings that a new one is compared with: the background is sampled from far more products than repeat.
const COMPARED: usize = 2_048;

pub(super) fn background(args: &BackgroundArgs, environment: &Environment) -> anyhow::Result<()> {
    let mut config = environment.pipeline_config(args.config.as_ref())?;
    if let Some(weights) = &args.weights {
        config.embedder_model.clone_from(weights);
    }
    let mut sources = Vec::new();
    for folder in &args.folders {
        let before = sources.len();
        sources.extend(listed(folder, args.min_side)?);
        ensure!(sources.len() > before, "{} holds no image of a product", folder.display());
    }
    shuffle(&mut sources, args.seed);
    let embedder = pipeline::load::load_embedder(&config)?;
    let rule = embedder.crop_rule();
    let bar = progress_bar();
    bar.set_length(sources.len() as u64);
    let mut kept: Vec<Embedding> = Vec::new();
    for batch in sources.chunks(BATCH) {
        if kept.len() >= args.max_embeddings as usize {
            break;
        }
        let crops: Vec<RgbImage> = batch.par_iter().map(|source| cut(source, rule)).collect::<anyhow::Result<_>>()?;
        for embedding in embedder.embed(&crops)? {
            let compared = kept.iter().rev().take(COMPARED);
            if kept.len() < args.max_embeddings as usize
                && !compared.clone().any(|k| k.cosine(&embedding) > args.redundant_from)
            {
                kept.push(embedding);
            }
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    let total = kept.len();
    let background = Background::of(&kept).context("there is nothing to embed")?;
    let path = background.write_beside(&config.embedder_model)?;
    println!("{}: {} of {}", path.display(), counted(total, "embedding"), counted(sources.len(), "image"));
    Ok(())
}

fn listed(folder: &Path, min_side: f64) -> anyhow::Result<Vec<Source>> {
    let data = DataFolder::scan(folder, LayoutChoice::Auto)?;
    let mut sources = Vec::new();
    let mut labels = BadLabels::default();
    for image in &data.images {
        let file = data.locate(&image.path);
        if data.kind == LayoutKind::Folders {
            sources.push(Source { file, edges: None });
            continue;
        }
        let Some(label) = &image.label else { continue };
        let (width, height) = dataset::image_file::upright_size(&file)?;
        for line in labels.read(&data.locate(label))?.unwrap_or_default() {
            let edges @ [x1, y1, x2, y2] = line.label.edges();
            let (w, h) = ((x2 - x1) * f64::from(width), (y2 - y1) * f64::from(height));
            if w >= min_side && h >= min_side {
                sources.push(Source { file: file.clone(), edges: Some(edges) });
            }
        }
    }
    if !labels.is_empty() {
        eprintln!("{labels}");
    }
    Ok(sources)
}

fn cut(source: &Source, rule: vision::crop::CropRule) -> anyhow::Result<RgbImage> {
    let image = dataset::image_file::load(&source.file)?;
    let Some(edges) = source.edges else { return Ok(image) };
    let (w, h) = (f64::from(image.width()), f64::from(image.height()));
    let [x1, y1, x2, y2] = edges;
    let bbox = BBox::new((x1 * w) as f32, (y1 * h) as f32, (x2 * w) as f32, (y2 * h) as f32);
    Ok(vision::crop(&image, &bbox, rule))
}

fn shuffle(sources: &mut [Source], seed: u64) {
    let mut random = Random::new(seed);
    for at in (1..sources.len()).rev() {
        sources.swap(at, random.below(at + 1));
    }
}
