//! `shelf train detector`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use engine::Device;
use train::detector::fit::{self, Setup};
use train::detector::{TrainConfig, TrainingData, Transfer};

use super::export::detector as export;
use super::run::{RunArgs, weights};
use super::terminal::Terminal;
use crate::hub;

/// Train the detector that finds bottles, cans and glasses
#[derive(Args)]
#[command(after_help = "Examples:
  shelf train detector --config configs/detector.yaml
  shelf train detector --resume last          # resume the latest run
  shelf train detector --validate best        # metrics of the best network of the latest run
  shelf train detector --export best --output-dir models/detector
  shelf train detector --export best --format onnx,onnx-int8 --max-drop 0.01

Results are in runs/detector/<name>/: weights/{last,best}.safetensors, results.{csv,png}, images.
Ctrl-C stops after the step and writes a checkpoint; see docs/training.md.")]
pub(crate) struct DetectorArgs {
    /// Training configuration
    #[arg(long, value_name = "FILE", default_value = "configs/detector.yaml")]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Refuse at the first label that is not understood, instead of leaving it out; --validate always does
    #[arg(long)]
    strict: bool,
    /// Only validate: `best` of the latest run, a run's folder, or a weights file
    #[arg(long, value_name = "WEIGHTS")]
    validate: Option<String>,
    /// Export a network for other tools: `best` of the latest run, a run's folder, or a weights file. Each file is
    /// compared with
    /// the network before it is kept
    #[arg(long, value_name = "WEIGHTS", conflicts_with_all = ["name", "validate", "resume"], help_heading = "Export")]
    pub(super) export: Option<String>,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", default_value = "runs/detector")]
    pub(super) runs: PathBuf,
    #[command(flatten)]
    pub(super) export_args: export::ExportArgs,
}

pub(crate) fn run(args: &DetectorArgs) -> anyhow::Result<ExitCode> {
    if let Some(which) = &args.validate {
        return validate(args, which);
    }
    if let Some(which) = &args.export {
        return export::run(args, which);
    }
    let planned = args.run.planned(&args.runs, &args.config)?;
    let mut config = read(&planned.config)?;
    config.strict = args.strict;
    args.run.override_in(&mut config.name, &mut config.epochs);
    let setup = setup(config, &args.run.license)?;
    let TrainConfig { name, epochs, patience, .. } = &setup.config;
    let folder = planned.folder(name, *epochs)?;
    args.run.follow(name, *patience, &folder, |observer, stop| fit::fit(&setup, &folder, observer, stop))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn read(path: &Path) -> anyhow::Result<TrainConfig> {
    Ok(TrainConfig::read(path, &|name| std::env::var(name).ok())?)
}

fn setup(config: TrainConfig, license: &str) -> anyhow::Result<Setup> {
    let device = Device::parse(&config.device)?;
    let feed = Arc::new(config.feed()?);
    eprintln!("learning from {}", summary(&feed.data));
    left_out(&feed.data);
    let validation = match config.validation() {
        Ok(data) => {
            eprintln!("validating on {}", summary(&data));
            left_out(&data);
            Some(data)
        }
        Err(error) => {
            eprintln!("no validation: {error}");
            None
        }
    };
    let data = config.data_sets.clone();
    let mut setup = Setup { config, transfer: None, feed, validation, device, data, license: license.to_owned() };
    if let Some(source) = &setup.config.weights {
        let failed = || format!("`weights` cannot be started from ({source})");
        let architecture = setup.architecture();
        if let Some(backbone) = architecture.backbone {
            hub::check_padding(source, backbone).with_context(failed)?;
        }
        let path = hub::local(source).with_context(failed)?;
        let transfer = Transfer::open(&path, architecture)?;
        eprintln!("{transfer}");
        setup.transfer = Some(transfer);
    }
    Ok(setup)
}

fn summary(data: &TrainingData) -> String {
    let objects: Vec<String> =
        data.names.iter().zip(&data.summary.objects).map(|(name, count)| format!("{count} {name}")).collect();
    format!("{} images ({})", data.summary.images, objects.join(", "))
}

fn left_out(data: &TrainingData) {
    if !data.summary.left_out.is_empty() {
        eprintln!("{}", data.summary.left_out);
    }
}

fn validate(args: &DetectorArgs, which: &str) -> anyhow::Result<ExitCode> {
    let weights = weights(&args.runs, which)?;
    let mut config = read(&args.config)?;
    config.strict = true;
    let data = config.validation()?;
    let detector = detector::load(&weights, &detector::LoadOptions::default())?;
    let measured = fit::validate::validate(&detector, &data, 0, &mut Terminal::new())?;
    let validation = measured.metrics;
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    println!(
        "{}: precision {}, recall {}, mAP50 {}, mAP50-95 {} on {} images",
        weights.display(),
        number(validation.precision),
        number(validation.recall),
        number(validation.map50),
        number(validation.map50_95),
        data.samples.len()
    );
    Ok(ExitCode::SUCCESS)
}
