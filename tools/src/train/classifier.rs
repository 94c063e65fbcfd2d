//! `shelf train classifier`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use engine::{Device, Weights};
use eval::GatedMetric;
use train::classifier::data::SkuImages;
use train::classifier::fit::{self, End, Setup};
use train::classifier::{TrainConfig, head_start, network};

use super::embedder;
use super::export::embedder::{self as export, ExportArgs};
use super::gates::judge;
use super::run::RunArgs;
use super::whiten;
use crate::{hub, targets};

/// Train the embedder that identifies SKUs
#[derive(Args)]
#[command(after_help = "Examples:
  shelf train classifier --config configs/classifier.yaml
  shelf train classifier --resume last        # resume the latest run
  shelf train classifier --validate best      # metrics of the best network of the latest run
  shelf train classifier --validate start     # the same of the weights it started from
  shelf train classifier --export-onnx --weights best --format onnx-fp16,onnx-int8
  shelf train classifier --whiten 0.6 --weights best --output-dir models/classifier
  shelf train classifier --export-embeddings --weights best --data-path skus --output-dir gallery

Results are in runs/classifier/<name>/: weights/{last,best}.safetensors, results.csv and images.
Ctrl-C stops after the step and writes a checkpoint; see docs/training.md.")]
pub(crate) struct ClassifierArgs {
    /// Training configuration
    #[arg(long, value_name = "FILE", default_value = "configs/classifier.yaml")]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Only validate: `best` of the latest run, a run's folder, a weights file with its card, or `start` for the
    /// weights that
    /// training starts from
    #[arg(long, value_name = "WEIGHTS")]
    pub(super) validate: Option<String>,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", default_value = "runs/classifier")]
    pub(super) runs: PathBuf,
    #[command(flatten)]
    pub(super) export: ExportArgs,
}

pub(crate) fn run(args: &ClassifierArgs) -> anyhow::Result<ExitCode> {
    if args.export.export_onnx {
        return export::run(args);
    }
    if args.export.export_embeddings {
        return embedder::export_embeddings(args);
    }
    if let Some(shrinkage) = args.export.whiten {
        return whiten::run(args, shrinkage);
    }
    let planned = args.run.planned(&args.runs, &args.config)?;
    let mut config = read(&planned.config)?;
    let targets = targets::beside(&args.config)?;
    args.run.override_in(&mut config.name, &mut config.epochs);
    let images = config.images()?;
    summarise(&images);
    if let Some(which) = &args.validate {
        return embedder::validate(args, which, &config, &images);
    }
    let setup = setup(config, images, &args.run.license)?;
    let TrainConfig { name, epochs, patience, .. } = &setup.config;
    let folder = planned.folder(name, *epochs)?;
    let mut best = None;
    let finished = args.run.follow(name, *patience, &folder, |observer, stop| {
        let (finished, validation) = fit::fit(&setup, &folder, observer, stop)?;
        best = validation;
        Ok(finished)
    })?;
    if finished.why == End::Stopped {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(judge(&targets, &[(GatedMetric::Top1, best.and_then(|validation| validation.top1))]))
}

pub(super) fn read(path: &Path) -> anyhow::Result<TrainConfig> {
    Ok(TrainConfig::read(path, &|name| std::env::var(name).ok())?)
}

fn setup(config: TrainConfig, images: SkuImages, license: &str) -> anyhow::Result<Setup> {
    let device = Device::parse(&config.device)?;
    let start = match start(&config)? {
        Some(start) if config.head_start => Some(head_start(&start, &config, &images, &device)?),
        start => start,
    };
    let data = config.data_sets.clone();
    let feed = Arc::new(config.feed(images));
    Ok(Setup { config, start, feed, device, data, license: license.to_owned() })
}

/// The weights that training starts from, under native names.
pub(super) fn start(config: &TrainConfig) -> anyhow::Result<Option<Weights>> {
    let Some(source) = &config.weights else { return Ok(None) };
    let failed = || format!("`weights` cannot be started from ({source})");
    hub::check_padding(source, config.backbone).with_context(failed)?;
    let path = hub::local(source).with_context(failed)?;
    let imported = classifier::import(&path, Some(config.backbone)).with_context(failed)?;
    if !imported.weights.contains("bn1.running_mean") {
        eprintln!("the batch norms of {source} are folded in: what they scaled is learned anew");
    }
    Ok(Some(network::start(&imported.weights)?))
}

fn summarise(images: &SkuImages) {
    eprintln!(
        "{} SKUs with {} images to learn from, {} to validate with; {} SKUs held out with {}",
        images.learned,
        images.train.len(),
        images.val.len(),
        images.skus.len() - images.learned,
        images.held_out.len()
    );
    if images.learned < images.skus.len() {
        eprintln!("held out: {}", images.skus[images.learned..].join(", "));
    }
    for note in &images.notes {
        eprintln!("note: {note}");
    }
}
