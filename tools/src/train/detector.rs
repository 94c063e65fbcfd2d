//! `shelf train detector`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use detector::train::fit::{self, End, Finished, Observer, RunFolder, Setup};
use detector::train::{TrainConfig, TrainingData, Transfer};
use engine::Device;
use engine::train::Stop;

use super::export::{self, ExportArgs};
use super::listeners::{Events, Live};
use super::progress::Terminal;
use crate::signals::stop_on_signal;

/// Train the detector
#[derive(Args)]
#[command(after_help = "Examples:
  shelf train detector --config configs/detector.yaml
  shelf train detector --resume last          # go on where the latest run was stopped
  shelf train detector --validate best        # figures of the best network of the latest run
  shelf train detector --export best --output-dir models/detector
  shelf train detector --export best --format onnx,onnx-int8 --max-drop 0.01
Results are in runs/detector/<name>/: weights/{last,best}.safetensors, results.{csv,png}, curves and pictures.
Ctrl-C stops after the step and writes a checkpoint; docs/training.md tells the rest.")]
pub(crate) struct DetectorArgs {
    /// What to train, and on what
    #[arg(long, value_name = "FILE", default_value = "configs/detector.yaml")]
    pub(super) config: PathBuf,
    /// Name of the run instead of the configuration's
    #[arg(long)]
    name: Option<String>,
    /// Epochs instead of the configuration's
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Go on with a run: `last`, its name, or its folder; its own args.yaml is the configuration
    #[arg(long, value_name = "RUN", conflicts_with_all = ["name", "validate"])]
    resume: Option<String>,
    /// Only validate: `best` of the latest run, or a weights file
    #[arg(long, value_name = "WEIGHTS")]
    validate: Option<String>,
    /// Write a network for other tools: `best` of the latest run, or a weights file. Each file is compared with the network
    /// before it is kept
    #[arg(long, value_name = "WEIGHTS", conflicts_with_all = ["name", "validate", "resume"])]
    pub(super) export: Option<String>,
    /// Show the run live on a page: `:8001` is port 8001 of this machine
    #[arg(long, value_name = "ADDRESS")]
    dashboard: Option<String>,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", default_value = "runs/detector")]
    pub(super) runs: PathBuf,
    /// Licence of the weights, for their card
    #[arg(long, default_value = NO_LICENSE)]
    pub(super) license: String,
    #[command(flatten)]
    pub(super) export_args: ExportArgs,
}

/// In a card whose licence nobody named.
pub(super) const NO_LICENSE: &str = "not stated";

pub(crate) fn run(args: &DetectorArgs) -> anyhow::Result<ExitCode> {
    if let Some(which) = &args.validate {
        return validate(args, which);
    }
    if let Some(which) = &args.export {
        return export::run(args, which);
    }
    let (folder, config_path) = match &args.resume {
        Some(which) => {
            let folder = fit::find_run(&args.runs, which).context("there is no run to go on with")?;
            let config = folder.path().join("args.yaml");
            (Some(folder), config)
        }
        None => (None, args.config.clone()),
    };
    let mut config = read(&config_path)?;
    config.name = args.name.clone().unwrap_or(config.name);
    config.epochs = args.epochs.unwrap_or(config.epochs);
    let setup = setup(config, &args.license)?;
    let folder = match folder {
        Some(folder) => folder,
        None => {
            let folder = RunFolder::create(&args.runs, &setup.config.name)
                .with_context(|| format!("cannot make a folder for the run in {}", args.runs.display()))?;
            fs::copy(&config_path, folder.path().join("args.yaml"))
                .with_context(|| format!("cannot copy {} into the folder of the run", config_path.display()))?;
            folder
        }
    };
    eprintln!("results go to {}", folder.path().display());
    let stop = Stop::default();
    stop_on_signal(&stop)?;
    let mut observers: Vec<Box<dyn Observer + Send>> =
        vec![Box::new(Terminal::new()), Box::new(Events::new(folder.path())?)];
    let mut ending = None;
    if let Some(listen) = &args.dashboard {
        let live = Live::start(listen, &setup.config.name, &folder, &stop)?;
        ending = Some(live.ending());
        observers.push(Box::new(live));
    }
    let finished = fit::fit(&setup, &folder, &mut observers, &stop);
    if let Some(ending) = ending {
        ending.tell(&match &finished {
            Ok(finished) => describe_end(finished, &setup),
            Err(error) => format!("it failed: {error}"),
        });
    }
    report(&finished?, &setup, &folder);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn read(path: &Path) -> anyhow::Result<TrainConfig> {
    Ok(TrainConfig::read(path, &|name| std::env::var(name).ok())?)
}

fn setup(config: TrainConfig, license: &str) -> anyhow::Result<Setup> {
    let device = Device::parse(&config.device)?;
    let feed = Arc::new(config.feed()?);
    eprintln!("learning from {}", summary(&feed.data));
    let validation = match config.validation() {
        Ok(data) => {
            eprintln!("validating on {}", summary(&data));
            Some(data)
        }
        Err(error) => {
            eprintln!("no validation: {error}");
            None
        }
    };
    let data = config.data_sets.clone();
    let mut setup = Setup { config, transfer: None, feed, validation, device, data, license: license.to_owned() };
    if let Some(weights) = &setup.config.weights {
        let transfer = Transfer::open(weights, setup.architecture())?;
        eprintln!("{transfer}");
        setup.transfer = Some(transfer);
    }
    Ok(setup)
}

fn summary(data: &TrainingData) -> String {
    let objects: Vec<String> =
        data.names.iter().zip(&data.summary.objects).map(|(name, count)| format!("{count} {name}")).collect();
    format!("{} pictures ({})", data.summary.pictures, objects.join(", "))
}

fn describe_end(finished: &Finished, setup: &Setup) -> String {
    match finished.why {
        End::Done => format!("{} epochs done", finished.epochs),
        End::Patience => {
            let patience = setup.config.patience;
            format!("ended after {} epochs: no better network for {patience}", finished.epochs)
        }
        End::Stopped => format!("stopped in epoch {}", finished.epochs + 1),
    }
}

fn report(finished: &Finished, setup: &Setup, folder: &RunFolder) {
    println!("{}", describe_end(finished, setup));
    if finished.why == End::Stopped {
        println!("go on with: shelf train detector --resume {}", folder.path().display());
    }
    if let Some((epoch, fitness)) = finished.best {
        println!("best: epoch {epoch}, fitness {fitness:.4}, {}", folder.best().display());
    }
}

/// `best` is that of the latest run, everything else a file.
pub(super) fn weights(runs: &Path, which: &str) -> anyhow::Result<PathBuf> {
    let weights = match which {
        "best" => fit::find_run(runs, "last").context("there is no run yet")?.best(),
        file => PathBuf::from(file),
    };
    ensure!(weights.is_file(), "{} is no weights file", weights.display());
    Ok(weights)
}

fn validate(args: &DetectorArgs, which: &str) -> anyhow::Result<ExitCode> {
    let weights = weights(&args.runs, which)?;
    let config = read(&args.config)?;
    let data = config.validation()?;
    let detector = detector::load(&weights, &detector::LoadOptions::default())?;
    let measured = fit::validate::validate(&detector, &data, 0, &mut Terminal::new())?;
    let validation = measured.figures;
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    println!(
        "{}: precision {}, recall {}, mAP50 {}, mAP50-95 {} on {} pictures",
        weights.display(),
        number(validation.precision),
        number(validation.recall),
        number(validation.map50),
        number(validation.map50_95),
        data.samples.len()
    );
    Ok(ExitCode::SUCCESS)
}
