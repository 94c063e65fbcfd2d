//! What `shelf train classifier` does with a trained embedder: measure it, embed a gallery.

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use classifier::gallery::enrol::{self, EnrolOptions, Redundancy};
use classifier::gallery::snapshot;
use classifier::{LoadOptions, SessionEmbedder};
use engine::Device;
use eval::gate::Measurement;
use eval::{Gate, GatedMetric, verdict};
use train::classifier::TrainConfig;
use train::classifier::data::SkuImages;
use train::classifier::fit::served_model;
use train::classifier::validate::EmbeddedParts;
use vision::Embedder as _;

use super::classifier::{ClassifierArgs, start};
use super::run::weights;
use crate::gallery::counted;
use crate::targets;

/// Resamples of the images for intervals.
const RESAMPLES: u32 = 1000;

pub(super) fn validate(
    args: &ClassifierArgs,
    which: &str,
    config: &TrainConfig,
    images: &SkuImages,
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
    let parts = EmbeddedParts::embed(images, &embedder, &mut |done, all| {
        if done * 10 / all.max(1) > shown {
            shown = done * 10 / all.max(1);
            eprintln!("embedded {done} of {all}");
        }
    })?;
    println!("# {}, {}x{}", embedder.describe(), embedder.plan().width, embedder.plan().height);
    println!("figure,value,low,high,queries");
    let mut top1 = None;
    for measured in parts.measure(RESAMPLES) {
        let Some(value) = measured.value else { continue };
        let edge = |edge: Option<f64>| edge.map_or_else(String::new, |edge| format!("{edge:.4}"));
        println!(
            "{},{value:.4},{},{},{}",
            measured.name,
            edge(measured.interval.map(|interval| interval.low)),
            edge(measured.interval.map(|interval| interval.high)),
            measured.queries
        );
        if measured.name == "top1" {
            top1 = Some(value);
        }
    }
    // Told by the exit code alone: what is printed is CSV.
    let gate = Gate::judge(
        GatedMetric::Top1,
        &targets::beside(&args.config)?,
        Measurement { value: top1, ..Measurement::default() },
    );
    Ok(ExitCode::from(verdict(&[gate]).exit_code()))
}

/// The weights that training starts from, with their pooled features as the embedding.
fn untrained(config: &TrainConfig) -> anyhow::Result<SessionEmbedder> {
    let Some(weights) = start(config)? else { bail!("the configuration names no `weights` to start from") };
    let pooled = weights.renamed(|name| (!name.starts_with("embedding")).then(|| name.to_owned()))?;
    Ok(served_model::embedder(&pooled, config, &Device::parse(&config.device)?)?)
}

pub(super) fn export_embeddings(args: &ClassifierArgs) -> anyhow::Result<ExitCode> {
    let (Some(root), Some(folder)) = (&args.export.data_path, &args.export.output_dir) else {
        bail!("--export-embeddings needs --data-path and --output-dir")
    };
    let source = weights(&args.runs, &args.export.weights)?;
    ensure!(root.is_dir(), "--data-path {}: there is no such folder", root.display());
    snapshot::prepare(folder)?;
    let embedder = classifier::load(&source, &LoadOptions::default())?;
    let name = root.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    // An export is of every image, alike or not.
    let redundancy = Redundancy { keep: true, ..Redundancy::default() };
    let options = EnrolOptions { redundancy, ..EnrolOptions::default() };
    let built = enrol::build(root, &name.unwrap_or_default(), &embedder, &options, &mut |_| ())?;
    let (mut data, report) = built;
    snapshot::write(&mut data, folder)?;
    println!(
        "{}: {} of {}, embedded by {}; {} skipped",
        folder.display(),
        counted(data.exemplars().len(), "image"),
        counted(data.skus().len(), "SKU"),
        embedder.describe(),
        counted(report.skipped.len(), "file")
    );
    Ok(ExitCode::SUCCESS)
}
