//! `shelf models import`: weights of others into the native layout, with a model card.

use std::path::{Path, PathBuf};

use ::hub::{HubFile, WeightsSource};
use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use detector::ClassMap;
use detector::load::ARCHITECTURE_KEY;
use detector::metadata::ExportMetadata;
use detector::model::Architecture;
use engine::backbone::Padding;
use engine::backbones::twins;
use engine::{Backbone, Precision, Weights};
use vision::model_card::Task;
use vision::{ModelCard, PreprocessPlan, Sha256};

use crate::hub::{self, published};

/// Convert weights (ONNX initialisers or safetensors) to the native layout, with a model card
#[derive(Args, Clone)]
#[command(after_help = "Examples:
  shelf models import yolov8n.onnx --license AGPL-3.0
  shelf models import yolov8n.onnx --card-only --license AGPL-3.0    # keep the ONNX file, write its card
  shelf models import best.safetensors --classes bottle,can,glass --license Apache-2.0
  shelf models import hf://timm/efficientnet_b2.ra_in1k --license Apache-2.0")]
pub(crate) struct ImportArgs {
    /// A .onnx, .safetensors or .pth file, here or on a hub: hf://OWNER/REPO[@REVISION][/FILE]
    source: PathBuf,
    /// Where the native weights go [default: models/<task>/<name>.safetensors]
    #[arg(short, long, value_name = "FILE", conflicts_with = "card_only")]
    output: Option<PathBuf>,
    /// Only write the model card beside the file, which is used as it is
    #[arg(long)]
    card_only: bool,
    /// Name of the model [default: name of the file, or of the repository]
    #[arg(long)]
    name: Option<String>,
    /// Names of a detector's classes in the order of its outputs [default: as stored in the file]
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// EfficientNet: Google's weights or a port of them (asymmetric padding, other preprocessing) instead of timm's own
    #[arg(long)]
    tensorflow: bool,
    /// Precision of the stored weights
    #[arg(long, value_enum, default_value = "f16")]
    precision: PrecisionArg,
    /// Licence of the weights, for the card
    #[arg(long)]
    license: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum PrecisionArg {
    F16,
    F32,
}

/// What a file turned out to be.
struct Recognised {
    /// Under native names, without what is no weight.
    weights: Weights,
    /// Complete but for name, file and digest.
    card: ModelCard,
}

pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<()> {
    match WeightsSource::of(&args.source)? {
        WeightsSource::File(_) => import(args),
        WeightsSource::Hub(file) => import(&fetched(&file, args)?),
    }
}

/// The same for the copy that the cache holds of `file`. Files on a hub bear the same few names, so the repository
/// names the
/// model.
fn fetched(file: &HubFile, args: &ImportArgs) -> anyhow::Result<ImportArgs> {
    ensure!(!args.card_only, "--card-only writes beside the file, but {file} lies in a cache; leave it out");
    let source = hub::local(&WeightsSource::Hub(file.clone()))?;
    let name = args.name.clone().or_else(|| Some(file.repo().to_owned()));
    let tensorflow = args.tensorflow || published::padding(file) == Some(Padding::Same);
    Ok(ImportArgs { source, name, tensorflow, ..args.clone() })
}

fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let weights = Weights::open(&args.source)?;
    let Recognised { weights, mut card } = recognise(&weights, args)?;
    let target = if args.card_only {
        args.source.clone()
    } else {
        let target = args.output.clone().unwrap_or_else(|| default_output(&card));
        ensure!(
            target.extension().is_some_and(|e| e == "safetensors"),
            "--output {}: the native layout is .safetensors",
            target.display()
        );
        let same = matches!((target.canonicalize(), args.source.canonicalize()), (Ok(a), Ok(b)) if a == b);
        ensure!(!same, "--output {} is the source itself; choose another name, or --card-only", target.display());
        if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let precision = match args.precision {
            PrecisionArg::F16 => Precision::F16,
            PrecisionArg::F32 => Precision::F32,
        };
        weights.save(&target, precision)?;
        target
    };
    card.weights = target.file_name().context("the target has no file name")?.to_string_lossy().into_owned();
    card.sha256 = Sha256::of_file(&target)?;
    let card_path = card.write_beside(&target)?;
    println!(
        "{}: {} with {} parameters in {} tensors\n{}: its card",
        target.display(),
        card.architecture,
        weights.parameters(),
        weights.len(),
        card_path.display()
    );
    Ok(())
}

fn recognise(weights: &Weights, args: &ImportArgs) -> anyhow::Result<Recognised> {
    if let Ok(found) = Architecture::infer(|name| weights.shape(name).map(<[usize]>::to_vec)) {
        return detector(weights, found, args);
    }
    match super::backbone(weights) {
        Some(backbone) => embedder(weights, backbone, args),
        None => bail!(
            "{} holds neither YOLOv8 nor EfficientNet under names known here; `shelf models inspect --tensors` shows what it holds",
            args.source.display()
        ),
    }
}

fn embedder(weights: &Weights, found: &'static dyn Backbone, args: &ImportArgs) -> anyhow::Result<Recognised> {
    ensure!(args.classes.is_empty(), "--classes is for detectors; this is an embedder");
    let padding = if args.tensorflow { Padding::Same } else { Padding::Symmetric };
    let backbone = twins(found).find(|twin| twin.padding() == padding).unwrap_or(found);
    let native = if args.card_only { weights.clone() } else { weights.renamed(|name| backbone.native_name(name))? };
    let trained = native.shape("embedding.weight").and_then(|shape| shape.first().copied());
    let card = ModelCard {
        architecture: backbone.to_string(),
        embedding_output: Some("embedding".to_owned()),
        embedding_dim: Some(trained.unwrap_or(backbone.features())),
        ..card(args, Task::Embedder, backbone.plan())
    };
    Ok(Recognised { weights: native, card })
}

fn detector(weights: &Weights, found: Architecture, args: &ImportArgs) -> anyhow::Result<Recognised> {
    let metadata = ExportMetadata::parse(weights.metadata())
        .with_context(|| format!("the metadata of {} cannot be understood", args.source.display()))?;
    let classes = match (args.classes.as_slice(), metadata.names) {
        ([], Some(names)) => names,
        ([], None) => {
            bail!("{} does not name its {} classes; name them with --classes", args.source.display(), found.classes)
        }
        (named, _) => named.to_vec(),
    };
    ensure!(
        classes.len() == found.classes,
        "the network has {} classes, but {} names are given",
        found.classes,
        classes.len()
    );
    let stated = weights.metadata().get(ARCHITECTURE_KEY).and_then(|name| name.parse().ok());
    let design = stated.map_or(found, |design| found.named(design)).design();
    let class_map = if ClassMap::is_coco(&classes) { ClassMap::coco_containers() } else { Default::default() };
    let (height, width) = metadata.image_size.unwrap_or((640, 640));
    let card = ModelCard {
        architecture: design.to_string(),
        classes,
        class_map,
        ..card(args, Task::Detector, PreprocessPlan::yolo(width, height))
    };
    // An exporter's own constants are no weights, and the bins of the box distribution follow from their number.
    let native = |name: &str| {
        let is_weight =
            name.starts_with("model.") && !name.contains(".dfl.") && !name.ends_with(".num_batches_tracked");
        is_weight.then(|| name.to_owned())
    };
    Ok(Recognised { weights: weights.renamed(native)?, card })
}

/// What all cards start from.
fn card(args: &ImportArgs, task: Task, preprocess: PreprocessPlan) -> ModelCard {
    let stem = || args.source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    ModelCard {
        name: args.name.clone().unwrap_or_else(stem),
        license: args.license.clone(),
        ..ModelCard::new(task, preprocess)
    }
}

fn default_output(card: &ModelCard) -> PathBuf {
    let folder = match card.task {
        Task::Detector => "models/detector",
        Task::Embedder => "models/classifier",
    };
    // The name comes from a file name or a flag: keep it a file name.
    let name: String =
        card.name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    Path::new(folder).join(name).with_added_extension("safetensors")
}
