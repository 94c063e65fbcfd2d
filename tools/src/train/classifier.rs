//! `shelf train classifier`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use classifier::train::data::SkuPictures;
use classifier::train::fit::{self, End, Finished, Setup};
use classifier::train::{TrainConfig, network};
use engine::train::{Observer, RunFolder, Stop, find_run};
use engine::{Device, Weights};

use super::embedder;
use super::listeners::{Events, Live};
use super::progress::Terminal;
use crate::signals::stop_on_signal;

/// Train the embedder that tells SKUs apart
#[derive(Args)]
#[command(after_help = "Examples:
  shelf train classifier --config configs/classifier.yaml
  shelf train classifier --resume last        # go on where the latest run was stopped
  shelf train classifier --validate best      # figures of the best network of the latest run, with intervals
  shelf train classifier --validate start     # the same of the weights it started from
  shelf train classifier --export-onnx --weights best --output-dir models/classifier
  shelf train classifier --export-embeddings --weights models/classifier/NAME.onnx --data-path skus --output-dir gallery
Results are in runs/classifier/<name>/: weights/{last,best}.safetensors, results.csv, train_batch*.jpg.
Ctrl-C stops after the step and writes a checkpoint; docs/training.md tells the rest.")]
pub(crate) struct ClassifierArgs {
    /// What to train, and on what
    #[arg(long, value_name = "FILE", default_value = "configs/classifier.yaml")]
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
    /// Only validate: `best` of the latest run, `start` for the weights that training starts from, or a weights file with its card
    #[arg(long, value_name = "WEIGHTS")]
    pub(super) validate: Option<String>,
    /// Write the network --weights as ONNX. The file is compared with the network before it is kept
    #[arg(long, conflicts_with_all = ["name", "validate", "resume"])]
    export_onnx: bool,
    /// Write the pictures of --data-path as a gallery, embedded by the network --weights
    #[arg(long, conflicts_with_all = ["name", "validate", "resume", "export_onnx"], requires = "data_path")]
    export_embeddings: bool,
    /// With --export-onnx and --export-embeddings: `best` of the latest run, or a weights file with its card
    #[arg(long, value_name = "WEIGHTS", default_value = "best")]
    pub(super) weights: String,
    /// With --export-embeddings: a folder of SKU folders
    #[arg(long, value_name = "DIR")]
    pub(super) data_path: Option<PathBuf>,
    /// With --export-onnx and --export-embeddings: where the result goes
    #[arg(long, value_name = "DIR", default_value = "models/classifier")]
    pub(super) output_dir: PathBuf,
    /// With --export-onnx: kernels in 32 bits instead of 16; the file is twice as large and says the same
    #[arg(long)]
    pub(super) full: bool,
    /// Name of the model, for --export-onnx [default: as its card says]
    #[arg(long, value_name = "NAME")]
    pub(super) model_name: Option<String>,
    /// Show the run live on a page: `:8001` is port 8001 of this machine
    #[arg(long, value_name = "ADDRESS")]
    dashboard: Option<String>,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", default_value = "runs/classifier")]
    pub(super) runs: PathBuf,
    /// Licence of the weights, for their card
    #[arg(long, default_value = "not stated")]
    pub(super) license: String,
}

pub(crate) fn run(args: &ClassifierArgs) -> anyhow::Result<ExitCode> {
    if args.export_onnx {
        return embedder::export_onnx(args);
    }
    if args.export_embeddings {
        return embedder::export_embeddings(args);
    }
    let resumed = match &args.resume {
        Some(which) => Some(find_run(&args.runs, which).context("there is no run to go on with")?),
        None => None,
    };
    let config_path = resumed.as_ref().map_or_else(|| args.config.clone(), |folder| folder.path().join("args.yaml"));
    let mut config = TrainConfig::read(&config_path, &|name| std::env::var(name).ok())?;
    config.name = args.name.clone().unwrap_or(config.name);
    config.epochs = args.epochs.unwrap_or(config.epochs);
    let pictures = config.pictures()?;
    summarise(&pictures);
    if let Some(which) = &args.validate {
        return embedder::validate(args, which, &config, &pictures);
    }
    let setup = setup(config, pictures, &args.license)?;
    let folder = match resumed {
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
            Ok(finished) => format!("{} epochs done", finished.epochs),
            Err(error) => format!("it failed: {error}"),
        });
    }
    report(&finished?, &setup, &folder);
    Ok(ExitCode::SUCCESS)
}

fn setup(config: TrainConfig, pictures: SkuPictures, license: &str) -> anyhow::Result<Setup> {
    let device = Device::parse(&config.device)?;
    let start = start(&config)?;
    let data = config.data_sets.clone();
    let feed = Arc::new(config.feed(pictures));
    Ok(Setup { config, start, feed, device, data, license: license.to_owned() })
}

/// The weights that training starts from, under native names.
pub(super) fn start(config: &TrainConfig) -> anyhow::Result<Option<Weights>> {
    let Some(path) = &config.weights else { return Ok(None) };
    let imported = classifier::import(path, Some(config.architecture))
        .with_context(|| format!("`weights` cannot be started from ({})", path.display()))?;
    if !imported.weights.contains("bn1.running_mean") {
        eprintln!("the batch norms of {} are folded in: what they scaled is learned anew", path.display());
    }
    Ok(Some(network::start(&imported.weights)?))
}

fn summarise(pictures: &SkuPictures) {
    eprintln!(
        "{} SKUs with {} pictures to learn from, {} to validate with; {} SKUs held out with {}",
        pictures.learned,
        pictures.train.len(),
        pictures.val.len(),
        pictures.skus.len() - pictures.learned,
        pictures.held_out.len()
    );
    if pictures.learned < pictures.skus.len() {
        eprintln!("held out: {}", pictures.skus[pictures.learned..].join(", "));
    }
    for note in &pictures.notes {
        eprintln!("note: {note}");
    }
}

fn report(finished: &Finished, setup: &Setup, folder: &RunFolder) {
    match finished.why {
        End::Done => println!("{} epochs done", finished.epochs),
        End::Patience => {
            println!("ended after {} epochs: no better network for {}", finished.epochs, setup.config.patience);
        }
        End::Stopped => println!(
            "stopped in epoch {}; go on with: shelf train classifier --resume {}",
            finished.epochs + 1,
            folder.path().display()
        ),
    }
    if let Some((epoch, fitness)) = finished.best {
        println!("best: epoch {epoch}, fitness {fitness:.4}, {}", folder.best().display());
    }
    let least = setup.config.targets.top1_accuracy_min;
    match finished.validation.and_then(|validation| validation.top1) {
        Some(top1) if top1 >= least => println!("top-1 {top1:.4} reaches the target of {least}"),
        Some(top1) => println!("top-1 {top1:.4} misses the target of {least}"),
        None => println!("top-1 was not measured: the target of {least} is not reached"),
    }
}

/// `best` is that of the latest run, everything else a file.
pub(super) fn weights(runs: &Path, which: &str) -> anyhow::Result<PathBuf> {
    let weights = match which {
        "best" => find_run(runs, "last").context("there is no run yet")?.best(),
        file => PathBuf::from(file),
    };
    ensure!(weights.is_file(), "{} is no weights file", weights.display());
    Ok(weights)
}
