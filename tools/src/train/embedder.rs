//! What `shelf train classifier` does with a trained embedder: measure it, write it as ONNX, embed a gallery.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use classifier::export::{ExportOptions, onnx, parity};
use classifier::gallery::enrol::{self, EnrolOptions};
use classifier::gallery::snapshot;
use classifier::model::EfficientNet;
use classifier::model::Heads;
use classifier::train::TrainConfig;
use classifier::train::data::SkuPictures;
use classifier::train::fit::ship;
use classifier::train::validate::Looked;
use classifier::{LoadOptions, SessionEmbedder};
use engine::{CandleSession, Device, InputShape, Weights};
use ndarray::Array4;
use vision::{Embedder as _, ModelCard, Random, Sha256};

use super::classifier::{ClassifierArgs, start, weights};

/// Resamples of the pictures for intervals.
const RESAMPLES: u32 = 1000;

pub(super) fn validate(
    args: &ClassifierArgs,
    which: &str,
    config: &TrainConfig,
    pictures: &SkuPictures,
) -> anyhow::Result<ExitCode> {
    let embedder = match which {
        "start" => untrained(config)?,
        which => {
            let path = weights(&args.runs, which)?;
            classifier::load(&path, &LoadOptions::default())
                .with_context(|| format!("{} cannot be validated", path.display()))?
        }
    };
    let mut shown = 0;
    let looked = Looked::up(pictures, &embedder, &mut |done, all| {
        if done * 10 / all.max(1) > shown {
            shown = done * 10 / all.max(1);
            eprintln!("embedded {done} of {all}");
        }
    })?;
    println!("# {}, {}x{}", embedder.describe(), embedder.plan().width, embedder.plan().height);
    println!("figure,value,low,high,queries");
    let mut passed = false;
    for measured in looked.measure(RESAMPLES) {
        let Some(value) = measured.value else { continue };
        let edge = |edge: Option<f64>| edge.map_or_else(String::new, |edge| format!("{edge:.4}"));
        println!(
            "{},{value:.4},{},{},{}",
            measured.name,
            edge(measured.interval.map(|interval| interval.low)),
            edge(measured.interval.map(|interval| interval.high)),
            measured.queries
        );
        passed |= measured.name == "top1" && value >= config.targets.top1_accuracy_min;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The weights that training starts from, with their pooled features as the embedding.
fn untrained(config: &TrainConfig) -> anyhow::Result<SessionEmbedder> {
    let Some(weights) = start(config)? else { bail!("the configuration names no `weights` to start from") };
    let pooled = weights.renamed(|name| (!name.starts_with("embedding")).then(|| name.to_owned()))?;
    Ok(ship::embedder(&pooled, config, &Device::parse(&config.device)?)?)
}

pub(super) fn export_onnx(args: &ClassifierArgs) -> anyhow::Result<ExitCode> {
    let source = weights(&args.runs, &args.weights)?;
    let Some(mut card) = ModelCard::read_beside(&source)? else {
        bail!("{} has no model card beside it, which says how pictures are prepared", source.display())
    };
    let imported = classifier::import(&source, Some(card.architecture.parse()?))?;
    card.name = args.model_name.clone().unwrap_or(card.name);
    if args.license != "not stated" {
        card.license.clone_from(&args.license);
    }
    let options = ExportOptions {
        size: (card.preprocess.height as usize, card.preprocess.width as usize),
        half: !args.full,
        description: format!("{} ({})", card.name, card.architecture),
        license: card.license.clone(),
    };
    let file = onnx(&imported.weights, imported.architecture, &options)?;
    let cosine = parity(&file, &native(&imported.weights, imported.architecture)?, &pictures(&options))?;

    fs::create_dir_all(&args.output_dir).with_context(|| format!("cannot make {}", args.output_dir.display()))?;
    let target = args.output_dir.join(format!("{}.onnx", card.name));
    engine::onnx::graph::write(&target, &file)?;
    card.weights = format!("{}.onnx", card.name);
    card.sha256 = Sha256::of_file(&target)?;
    card.embedding_output = Some(classifier::export::OUTPUT.to_owned());
    let written = card.write_beside(&target)?;
    println!(
        "{}: {:.1} MB; cosine with the network at least {cosine:.7}\n{}: its card",
        target.display(),
        file.len() as f64 / 1e6,
        written.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn native(weights: &Weights, architecture: classifier::model::Architecture) -> anyhow::Result<CandleSession> {
    let device = Device::cpu();
    let heads = Heads { classes: None, ..Heads::of(weights) };
    let network = weights.build(&device, |vb| EfficientNet::load(vb, &architecture.config(), heads))?;
    let input = InputShape { batch: None, channels: 3, height: None, width: None };
    Ok(CandleSession::new(Box::new(network), input, std::collections::BTreeMap::new(), &device))
}

/// Noise, as normalised pictures have it: it stirs every channel, which a smooth picture does not.
fn pictures(options: &ExportOptions) -> Array4<f32> {
    let mut random = Random::new(1);
    Array4::from_shape_simple_fn((4, 3, options.size.0, options.size.1), || random.range(-1.0, 1.0) as f32)
}

pub(super) fn export_embeddings(args: &ClassifierArgs) -> anyhow::Result<ExitCode> {
    let Some(root) = &args.data_path else { bail!("--export-embeddings needs --data-path") };
    let source = weights(&args.runs, &args.weights)?;
    ensure!(root.is_dir(), "--data-path {}: there is no such folder", root.display());
    let embedder = classifier::load(&source, &LoadOptions::default())?;
    let name = root.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let built = enrol::build(root, &name.unwrap_or_default(), &embedder, &EnrolOptions::default(), &mut |_| ())?;
    let (mut data, report) = built;
    snapshot::write(&mut data, &args.output_dir)?;
    println!(
        "{}: {} pictures of {} SKUs, embedded by {}; {} files skipped",
        args.output_dir.display(),
        data.exemplars().len(),
        data.skus().len(),
        embedder.describe(),
        report.skipped.len()
    );
    Ok(ExitCode::SUCCESS)
}
