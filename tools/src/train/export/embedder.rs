//! `shelf train classifier --export-onnx`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use classifier::model::{EmbedderNetwork, Heads};
use classifier::{LoadOptions, load};
use engine::onnx::Calibration;
use engine::tflite::Graph;
use engine::{Backbone, CandleSession, Device, Precision, Weights};
use ndarray::{Array4, Axis};
use train::classifier::TrainConfig;
use train::classifier::data::SkuImages;
use train::classifier::fit::Validation;
use train::classifier::validate::EmbeddedParts;
use train::export::classifier::{ExportOptions, onnx, parity, parity_of, quantize};
use train::export::tflite;
use vision::preprocess::Region;
use vision::{DecodeLimits, ModelCard, Random, decode};

use super::metric_drop::{MetricDrop, accept};
use super::{FormatArgs, Measured, Subject, evenly, metric, with_file};
use crate::train::classifier::{ClassifierArgs, read};
use crate::train::run::{NO_LICENSE, weights};

#[derive(Args)]
#[command(next_help_heading = "Export")]
pub(in crate::train) struct ExportArgs {
    /// Write the network --weights as ONNX. The file is compared with the network before it is kept
    #[arg(long, conflicts_with_all = ["name", "validate", "resume"])]
    pub(in crate::train) export_onnx: bool,
    /// Write the images of --data-path as a gallery, embedded by the network --weights
    #[arg(
        long,
        conflicts_with_all = ["name", "validate", "resume", "export_onnx"],
        requires_all = ["data_path", "output_dir"]
    )]
    pub(in crate::train) export_embeddings: bool,
    /// Whiten the embedding of the network --weights by how images of one SKU differ in the configuration's data, drawn towards no
    /// change by this much (0 to 1), and write it as native weights
    #[arg(
        long,
        value_name = "SHRINKAGE",
        value_parser = crate::eval::fraction,
        conflicts_with_all = ["name", "validate", "resume", "export_onnx", "export_embeddings"],
        requires = "output_dir"
    )]
    pub(in crate::train) whiten: Option<f64>,
    /// What is exported: `best` of the latest run, a run's folder, or a weights file with its card; a file on a hub is
    /// hf://OWNER/REPO[@REVISION][/FILE]
    #[arg(long, value_name = "WEIGHTS", default_value = "best")]
    pub(in crate::train) weights: String,
    /// With --export-embeddings: a folder of SKU folders
    #[arg(long, value_name = "DIR")]
    pub(in crate::train) data_path: Option<PathBuf>,
    /// Folder for the result; must be named with --export-embeddings [default: models/classifier]
    #[arg(long, value_name = "DIR")]
    pub(in crate::train) output_dir: Option<PathBuf>,
    /// Name of the model, for --export-onnx [default: as its card says]
    #[arg(long, value_name = "NAME")]
    pub(in crate::train) model_name: Option<String>,
    #[command(flatten)]
    formats: FormatArgs,
}

pub(in crate::train) fn run(args: &ClassifierArgs) -> anyhow::Result<ExitCode> {
    let source = weights(&args.runs, &args.export.weights)?;
    let Some(mut card) = ModelCard::read_beside(&source)? else {
        bail!("{} has no model card beside it, which says how images are prepared", source.display())
    };
    let imported = classifier::import(&source, Some(card.architecture.parse()?))?;
    card.name = args.export.model_name.clone().unwrap_or(card.name);
    // It lies beside the weights it was made by; `shelf gallery background` makes that of the exported ones.
    card.background = None;
    if args.run.license != NO_LICENSE {
        card.license.clone_from(&args.run.license);
    }
    let options = ExportOptions {
        size: (card.preprocess.height as usize, card.preprocess.width as usize),
        description: format!("{} ({})", card.name, card.architecture),
        license: card.license.clone(),
    };
    let file = onnx(&imported.weights, imported.backbone, &options)?;
    let cosine = parity(&file, &native(&imported.weights, imported.backbone)?, &noise(&options))?;
    println!("the cosine of the network as ONNX with the network is at least {cosine:.7}");
    card.embedding_output = Some(train::export::classifier::OUTPUT.to_owned());
    // Only files for ONNX Runtime name their output.
    let mut exported = Exported {
        weights: imported.weights,
        backbone: imported.backbone,
        options,
        card: card.clone(),
        config: config_of(args, &source),
        gate: None,
    };
    let folder = args.export.output_dir.as_deref().unwrap_or(Path::new("models/classifier"));
    super::write(&args.export.formats, folder, &card, &file, &mut exported)
}

fn native(weights: &Weights, backbone: &dyn Backbone) -> anyhow::Result<CandleSession> {
    let device = Device::cpu();
    let heads = Heads { classes: None, ..Heads::of(weights) };
    let network = weights.build(&device, |vb| EmbedderNetwork::load(vb, backbone, heads))?;
    Ok(CandleSession::of_images(Box::new(network), BTreeMap::new(), &device))
}

/// Noise, as normalised images have it: it stirs every channel, which a smooth image does not.
fn noise(options: &ExportOptions) -> Array4<f32> {
    let mut random = Random::new(1);
    Array4::from_shape_simple_fn((4, 3, options.size.0, options.size.1), || random.range(-1.0, 1.0) as f32)
}

/// The configuration that names the images to measure with: that of the run where the weights lie in one.
fn config_of(args: &ClassifierArgs, weights: &Path) -> PathBuf {
    let beside = weights.ancestors().nth(2).map(|run| run.join("args.yaml")).filter(|path| path.is_file());
    beside.unwrap_or_else(|| args.config.clone())
}

struct Exported {
    weights: Weights,
    backbone: &'static dyn Backbone,
    options: ExportOptions,
    card: ModelCard,
    config: PathBuf,
    /// What files are measured with, and the metrics of the network in full precision once they are known.
    gate: Option<(SkuImages, Option<Validation>)>,
}

impl Exported {
    fn gate(&mut self) -> anyhow::Result<&mut (SkuImages, Option<Validation>)> {
        if self.gate.is_none() {
            let config: TrainConfig = read(&self.config)?;
            let images = config.images().context("a file that loses digits is measured before it is kept")?;
            self.gate = Some((images, None));
        }
        self.gate.as_mut().context("it was just made")
    }

    /// Training images as the network is served them.
    fn calibration(&mut self, images: usize) -> anyhow::Result<impl Iterator<Item = Array4<f32>>> {
        let plan = self.card.preprocess.clone();
        let paths: Vec<&Path> = self.gate()?.0.train.iter().map(|crop| crop.path.as_path()).collect();
        let chosen: Vec<PathBuf> = evenly(&paths, images).into_iter().map(Path::to_owned).collect();
        eprintln!("calibrating on {} training images", chosen.len());
        Ok(chosen.into_iter().filter_map(move |path| {
            let image = decode(&std::fs::read(path).ok()?, &DecodeLimits::default()).ok()?;
            let mut input = Array4::zeros((1, 3, plan.height as usize, plan.width as usize));
            plan.apply(&image, Region::whole(&image), input.index_axis_mut(Axis(0), 0));
            Some(input)
        }))
    }
}

impl Subject for Exported {
    fn save(&self, target: &Path) -> anyhow::Result<()> {
        Ok(self.weights.save(target, Precision::F16)?)
    }

    fn int8(&mut self, file: &[u8], images: usize, calibration: Calibration) -> anyhow::Result<Vec<u8>> {
        let backbone = self.backbone;
        Ok(quantize(file, backbone, self.calibration(images)?, calibration)?)
    }

    fn tflite(&self) -> anyhow::Result<Graph> {
        let file = onnx(&self.weights, self.backbone, &self.options)?;
        let graph = tflite::graph(&file, self.options.size)?;
        let network = native(&self.weights, self.backbone)?;
        let cosine = parity_of(&tflite::session(graph.clone())?, &network, &noise(&self.options))?;
        println!("the cosine of the network as TFLite with the network is at least {cosine:.7}");
        Ok(graph)
    }

    fn tflite_int8(&mut self, graph: &Graph, images: usize) -> anyhow::Result<Graph> {
        Ok(tflite::quantize(graph, self.calibration(images)?, &|_| false)?)
    }

    fn judge(
        &mut self,
        full: Measured<'_>,
        made: Measured<'_>,
        max_drop: f64,
    ) -> anyhow::Result<Result<BTreeMap<String, f64>, MetricDrop>> {
        let card = self.card.clone();
        let (images, known) = self.gate()?;
        let measure = |file: Measured<'_>| {
            with_file(file, &card, |path| {
                let embedder = load(path, &LoadOptions::default())?;
                Ok(EmbeddedParts::embed(images, &embedder, &mut |_, _| ())?.metrics())
            })
        };
        let before = match *known {
            Some(before) => before,
            None => measure(full)?,
        };
        let after = measure(made)?;
        *known = Some(before);
        println!(
            "top-1 {} (full {}), AUROC {} (full {}), on {} validation images",
            metric(after.top1),
            metric(before.top1),
            metric(after.auroc),
            metric(before.auroc),
            images.val.len() + images.held_out.len()
        );
        let accepted = accept("top-1", before.top1, after.top1, max_drop)
            .and_then(|()| accept("AUROC", before.auroc, after.auroc, max_drop));
        let metrics = || after.metrics().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(accepted.map(|()| metrics().collect()))
    }
}
