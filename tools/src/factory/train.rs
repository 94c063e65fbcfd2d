//! `shelf factory train`: eleven steps, each named in the log with its time. Killed at any of them and run again, it comes to
//! the same: what was begun lies in the folder of the run.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use engine::tflite::{self, QuantizeOptions, TensorId};
use hub::factory::Remote;
use hub::{FactoryClient, Limits, Token};
use train::core::learner::End;
use train::core::{EpochReport, Observer, Stop};
use train::mlp::fit::{best_path, open_network};
use train::mlp::{MlpLearner, MlpPlan, Rows, to_tflite};

use super::config::TrainConfig;
use super::export::{self, Format};
use super::folder::Folder;
use super::judge;
use super::meta::{Meta, Parts};
use super::rows::{Labelled, Raw};
use super::schema::Columns;
use crate::signals::stop_on_signal;

/// Largest CSV, bytes.
const MAX_CSV: u64 = 2 << 30;
/// Steps in all.
const STEPS: usize = 11;

/// Train a network on a server's table, make it int8, and give it to the server
#[derive(Args)]
#[command(after_help = "Example:
  shelf factory train --dataset-id 0194f3a2-7c1e-7f00-8000-000000000001 --config configs/train.yaml \\
    --api-base http://127.0.0.1:8000 --token \"$SHELF_KEY\"

The run lies in <runs-dir>/<dataset>-<digest>/: model.tflite, meta.json, results.csv, weights/. Killed at any step and run
again it ends the same. See docs/factory.md.")]
pub(crate) struct TrainArgs {
    /// The data set, as the server names it
    #[arg(long, value_name = "UUID", value_parser = dataset_id)]
    dataset_id: String,
    /// What to train and how
    #[arg(long, value_name = "FILE", default_value = "configs/train.yaml")]
    config: PathBuf,
    /// Address of the server
    #[arg(long, value_name = "URL")]
    api_base: String,
    /// An engineer's key of the data set's organisation
    #[arg(long, value_name = "KEY")]
    token: String,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", default_value = "./runs")]
    runs_dir: PathBuf,
    /// What is written beside model.tflite and meta.json
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tflite")]
    format: Vec<Format>,
    /// Train and export, but leave the server's registry alone
    #[arg(long)]
    no_upload: bool,
    /// How much is logged
    #[arg(long, value_name = "LEVEL", default_value = "INFO", ignore_case = true)]
    log_level: LogLevel,
}

/// As logging in Python calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogLevel {
    #[value(name = "DEBUG")]
    Debug,
    #[value(name = "INFO")]
    Info,
    #[value(name = "WARNING", alias = "WARN")]
    Warning,
    #[value(name = "ERROR", alias = "CRITICAL")]
    Error,
}

impl TrainArgs {
    pub(super) fn log_filter(&self) -> &'static str {
        match self.log_level {
            LogLevel::Debug => "warn,shelf=debug,tools=debug,train=debug",
            LogLevel::Info => "warn,shelf=info,tools=info",
            LogLevel::Warning => "warn",
            LogLevel::Error => "error",
        }
    }
}

/// Only what can stand in an address and a file's name.
fn dataset_id(text: &str) -> Result<String, String> {
    let fits = text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("it is no UUID".to_owned()) }
}

/// Tells steps and their times.
struct Steps {
    done: usize,
}

impl Steps {
    fn run<T>(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<(T, String)>) -> anyhow::Result<T> {
        self.done += 1;
        let step = self.done;
        tracing::debug!("step {step}/{STEPS} {name} begins");
        let began = Instant::now();
        let (value, said) = work().with_context(|| format!("step {step}/{STEPS}, {name}, failed"))?;
        let milliseconds = began.elapsed().as_millis() as u64;
        tracing::info!(milliseconds, "step {step}/{STEPS} {name}: {said}");
        Ok(value)
    }
}

/// Tells epochs.
struct Epochs;

impl Observer for Epochs {
    fn epoch(&mut self, report: &EpochReport) {
        let words = report.metrics.iter().filter_map(|(name, value)| Some(format!("{name} {:.5}", (*value)?)));
        tracing::debug!("epoch {}: {}", report.epoch, words.collect::<Vec<_>>().join(", "));
    }
}

pub(super) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let began = Instant::now();
    let config = TrainConfig::read(&args.config)?;
    let token =
        Token::new(&args.token).context("--token is no key: it is empty or holds blanks or other odd characters")?;
    let limits = Limits { largest: MAX_CSV, answer: Duration::from_secs(20), ..Limits::default() };
    let client = FactoryClient::new(&args.api_base, token, limits)?;
    let stop = Stop::default();
    stop_on_signal(&stop)?;
    let mut steps = Steps { done: 0 };
    let id = args.dataset_id.as_str();

    let (columns, csv, remote) = steps.run("download", || download(args, &client))?;
    let folder = Folder::open(&args.runs_dir, (id, remote.sha256), &config)?;
    let raw = steps.run("load", || {
        let raw = Raw::load(&csv, &columns)?;
        Ok((raw, format!("{}", csv.display())))
    })?;
    let rows = steps.run("validate", || {
        let rows = Labelled::validate(&raw, &columns)?;
        for (class, _) in columns.classes.iter().zip(&rows.counts).filter(|(_, count)| **count == 0) {
            tracing::warn!("no row is of the class {class:?}: the network will never tell it");
        }
        let said = format!(
            "{} rows, {} features, {} classes",
            rows.classes.len(),
            columns.features.len(),
            columns.classes.len()
        );
        Ok((rows, said))
    })?;
    let split = steps.run("split", || {
        let split = rows.split(&config, &columns)?;
        let said = format!(
            "{} to learn from, {} to stop by, {} to judge by",
            split.train.len(),
            split.validation.len(),
            split.test.len()
        );
        Ok((split, said))
    })?;
    let (scaler, train, validation, test) = steps.run("scale", || {
        let scaler = rows.scaler(&split.train);
        let part = |rows_of: &[usize]| rows.part(rows_of, &scaler);
        let parts = (part(&split.train), part(&split.validation), part(&split.test));
        let constant = (0..columns.features.len()).filter(|at| {
            let first = rows.x.at(split.train[0], *at);
            split.train.iter().all(|row| rows.x.at(*row, *at) == first)
        });
        for at in constant {
            tracing::warn!("the feature {:?} is constant: nothing can be learned from it", columns.features[at]);
        }
        Ok((
            (scaler, parts.0, parts.1, parts.2),
            "mean 0 and standard deviation 1 by the rows to learn from".to_owned(),
        ))
    })?;
    let plan = MlpPlan {
        seed: config.random_seed,
        hidden: config.model.hidden_layers.clone(),
        classes: columns.classes.len(),
        dropout: config.model.dropout_rate,
        learning_rate: config.training.learning_rate,
        batch: config.training.batch_size,
        epochs: config.training.epochs,
        patience: config.training.patience,
    };
    let finished = steps.run("train", || {
        let data = format!("{id} {} {:?}", remote.sha256, config.data);
        let finished = MlpLearner::new(plan, &train, &validation, &data)?.fit(folder.run(), &mut Epochs, &stop)?;
        if finished.why == End::Stopped {
            bail!("it was asked to stop after {} epochs; run it again and it goes on", finished.epochs);
        }
        Ok((finished.clone(), format!("{} epochs", finished.epochs)))
    })?;
    let network = steps.run("early-stopping", || {
        let network = open_network(&best_path(folder.run()))?;
        let (epoch, fitness) = finished.best.context("no epoch was measured")?;
        Ok((network, format!("{:?}: epoch {epoch} is the best, validation loss {:.5}", finished.why, -fitness)))
    })?;
    let metrics = steps.run("evaluate", || {
        let metrics = judge::network(&network, &test);
        let said =
            format!("accuracy {:.4}, F1 {:.4} on {} test rows", metrics.accuracy, metrics.f1, test.classes.len());
        Ok((metrics, said))
    })?;
    let (float, int8, int8_accuracy) = steps.run("quantize", || {
        let float = to_tflite(&network, &format!("mlp of data set {id}"))?;
        let samples = calibration(&train, config.quantization.calibration_samples, network.features());
        let int8 = tflite::quantize(&float, samples, QuantizeOptions::default())?;
        let judged = judge::graph(&int8, &test, network.features(), network.classes())?;
        let said = format!("int8 accuracy {:.4} (floats {:.4})", judged.accuracy, metrics.accuracy);
        Ok(((float, int8, judged.accuracy), said))
    })?;
    let (model, meta) = steps.run("export", || {
        let model = tflite::encode(&int8);
        let end = |ids: &[TensorId]| {
            ids.first().and_then(|id| int8.tensor(*id).quantization.as_ref()?.whole()).context("an end has no scale")
        };
        let meta = Meta::of(&Parts {
            began: &folder.began,
            dataset: (id, remote.sha256),
            columns: &columns,
            config: &config,
            scaler: &scaler,
            metrics: &metrics,
            int8_accuracy,
            ends: [end(int8.inputs())?, end(int8.outputs())?],
            parameters: network.parameters(),
        });
        let mut meta = serde_json::to_vec_pretty(&meta)?;
        meta.push(b'\n');
        export::write(&folder.file("model.tflite"), &model)?;
        export::write(&folder.file("meta.json"), &meta)?;
        if args.format.contains(&Format::TfliteFp32) {
            export::write(&folder.file("model_fp32.tflite"), &tflite::encode(&float))?;
        }
        if args.format.contains(&Format::CArray) {
            export::write_c(&folder.file("c"), &model)?;
        }
        let cost = tflite::cost(&int8);
        let said = format!(
            "{} bytes, {} multiply-adds, arena {} bytes, in {}",
            model.len(),
            cost.multiply_adds,
            cost.arena_bytes,
            folder.run().path().display()
        );
        Ok(((model, meta), said))
    })?;
    steps.run("upload", || {
        if args.no_upload {
            return Ok(((), "left out".to_owned()));
        }
        let answer = client.upload(id, &model, &meta)?;
        export::write(&folder.file("uploaded.json"), &answer)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).context("the server's answer is no JSON")?;
        let label = |name: &str| answer[name].as_str().unwrap_or("?").to_owned();
        Ok(((), format!("{}@{} is {} ({})", label("name"), label("version"), label("model_status"), label("model_id"))))
    })?;
    println!("{}", folder.run().path().display());
    tracing::info!(seconds = began.elapsed().as_secs_f64(), "all {STEPS} steps are done");
    Ok(())
}

/// Schema and CSV of the data set. The CSV lies beside runs: all of the data set share it.
fn download(args: &TrainArgs, client: &FactoryClient) -> anyhow::Result<((Columns, PathBuf, Remote), String)> {
    let folder = args.runs_dir.join("datasets");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let columns = Columns::read(&client.schema(&args.dataset_id)?)?;
    let csv = folder.join(format!("{}.csv", args.dataset_id));
    let remote = client.download(&args.dataset_id, &csv, &|_, _| ())?;
    let said = format!("{} bytes, SHA-256 {}", remote.bytes, remote.sha256);
    Ok(((columns, csv, remote), said))
}

/// Rows spread evenly over those that were learned from.
fn calibration(rows: &Rows, count: usize, features: usize) -> Vec<Vec<Vec<f32>>> {
    let all = rows.classes.len();
    let count = count.min(all);
    (0..count).map(|at| at * all / count).map(|row| vec![rows.x[row * features..][..features].to_vec()]).collect()
}
