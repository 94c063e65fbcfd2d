//! `shelf train detector --export`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::Args;
use detector::ClassMap;
use detector::model::fold::fold_all;
use detector::model::{Architecture, DetectorNetwork};
use engine::onnx::Calibration;
use engine::tflite::Graph;
use engine::{CandleSession, Device, Precision, Weights};
use ndarray::Array4;
use train::export::detector::{ExportOptions, Size, Suppression, int8, onnx, parity};
use train::export::tflite;
use vision::{ModelCard, Random};

use super::detector_gate::Gate;
use super::metric_drop::MetricDrop;
use super::{FormatArgs, Measured, Subject};
use crate::train::detector::{DetectorArgs, read};
use crate::train::run::{NO_LICENSE, weights};

#[derive(Args)]
#[command(next_help_heading = "Export")]
pub(in crate::train) struct ExportArgs {
    #[command(flatten)]
    formats: FormatArgs,
    /// Folder for the files and their model cards
    #[arg(long, value_name = "DIR", default_value = "models/detector")]
    output_dir: PathBuf,
    /// Batch size [default: any]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Height and width of the input, multiples of 32 [default: any]
    #[arg(long, value_name = "HxW")]
    imgsz: Option<String>,
    /// Suppress duplicates inside the ONNX file, whatever their class
    #[arg(long)]
    nms: bool,
    /// With --nms: overlap above which two boxes are one object
    #[arg(long, value_name = "IOU", default_value_t = Suppression::default().iou, requires = "nms")]
    nms_iou: f32,
    /// With --nms: minimum confidence, 0 to 1; who runs the file can ask for more, not for less
    #[arg(long, value_name = "CONFIDENCE", default_value_t = Suppression::default().confidence, requires = "nms")]
    nms_confidence: f32,
}

/// The network that is exported, and all that is known of it.
struct Source {
    learned: Weights,
    architecture: Architecture,
    card: ModelCard,
    options: ExportOptions,
    config: PathBuf,
    gate: Option<Gate>,
}

pub(in crate::train) fn run(args: &DetectorArgs, which: &str) -> anyhow::Result<ExitCode> {
    let path = weights(&args.runs, which)?;
    let mut source = Source::open(&path, args)?;
    let plain = onnx(&source.learned, source.architecture, &ExportOptions { nms: None, ..source.options.clone() })?;
    let images = source.images();
    let difference = parity::check(&plain, &native(&source.learned, source.architecture)?, &images)?;
    println!(
        "the network as ONNX differs from the network by at most {:.4} px and {:.7} in scores",
        difference.pixels, difference.score
    );
    let file = match source.options.nms {
        None => plain,
        Some(nms) => {
            let file = onnx(&source.learned, source.architecture, &source.options)?;
            let classes = ClassMap::all(source.card.classes.clone())?;
            let left = parity::check_suppression(&file, &plain, (nms, &classes), &images)?;
            println!("suppression inside the file leaves the same {left} boxes as ours");
            file
        }
    };
    let (ExportArgs { formats, output_dir, .. }, card) = (&args.export_args, source.card.clone());
    super::write(formats, output_dir, &card, &file, &mut source)
}

/// The configuration that names the images to measure with: that of the run where the weights lie in one.
fn config_of(args: &DetectorArgs, weights: &Path) -> PathBuf {
    let beside = weights.ancestors().nth(2).map(|run| run.join("args.yaml")).filter(|path| path.is_file());
    beside.unwrap_or_else(|| args.config.clone())
}

impl Source {
    fn open(path: &Path, command: &DetectorArgs) -> anyhow::Result<Self> {
        let (args, license) = (&command.export_args, &command.run.license);
        let Some(mut card) = ModelCard::read_beside(path)? else {
            bail!(
                "{} has no model card beside it, which names its classes; write one with `shelf models import`",
                path.display()
            )
        };
        if license != NO_LICENSE {
            card.license.clone_from(license);
        }
        let learned = Weights::open(path)?;
        let found = Architecture::infer(|name| learned.shape(name).map(<[usize]>::to_vec))
            .with_context(|| format!("{} is no detector of ours", path.display()))?;
        let architecture = card.architecture.parse().map_or(found, |design| found.named(design));
        for (name, value) in [("--nms-iou", args.nms_iou), ("--nms-confidence", args.nms_confidence)] {
            ensure!((0.0..=1.0).contains(&value), "{name} {value}: it must lie within 0 and 1");
        }
        let nms = Suppression { iou: args.nms_iou, confidence: args.nms_confidence, ..Suppression::default() };
        let options = ExportOptions {
            batch: args.batch,
            size: args.imgsz.as_deref().map_or(Ok(Size::Any), size)?,
            names: card.classes.clone(),
            side: card.preprocess.width,
            description: format!("{} ({})", card.name, card.architecture),
            license: card.license.clone(),
            nms: args.nms.then_some(nms),
        };
        Ok(Self { learned, architecture, card, options, config: config_of(command, path), gate: None })
    }

    /// Noise: it stirs every channel, which a smooth image does not.
    fn images(&self) -> Array4<f32> {
        let (height, width) = match self.options.size {
            Size::Fixed { height, width } => (height, width),
            Size::Any => (320, 416),
        };
        let mut random = Random::new(1);
        Array4::from_shape_simple_fn((self.options.batch.unwrap_or(2), 3, height, width), || random.unit() as f32)
    }

    /// Height and width of the input as TFLite, which must be known: those of --imgsz, or of the card.
    fn tflite_size(&self) -> (usize, usize) {
        match self.options.size {
            Size::Fixed { height, width } => (height, width),
            Size::Any => (self.card.preprocess.height as usize, self.card.preprocess.width as usize),
        }
    }

    fn gate(&mut self) -> anyhow::Result<&mut Gate> {
        if self.gate.is_none() {
            self.gate = Some(Gate::new(&read(&self.config)?)?);
        }
        self.gate.as_mut().context("it was just made")
    }
}

impl Subject for Source {
    fn save(&self, target: &Path) -> anyhow::Result<()> {
        Ok(self.learned.save(target, Precision::F16)?)
    }

    fn int8(&mut self, file: &[u8], images: usize, calibration: Calibration) -> anyhow::Result<Vec<u8>> {
        let (plan, size, design) = (self.card.preprocess.clone(), self.options.size, self.architecture.design());
        let chosen = self.gate()?.calibration(images);
        eprintln!("calibrating on {} training images", chosen.len());
        // One at a time: photos are large.
        let images = chosen.into_iter().filter_map(int8::read_image);
        Ok(int8::quantize(file, design, images.map(|image| int8::canvas(&image, &plan, size)), calibration)?)
    }

    fn tflite(&self) -> anyhow::Result<Graph> {
        let (height, width) = self.tflite_size();
        let options =
            ExportOptions { batch: Some(1), size: Size::Fixed { height, width }, nms: None, ..self.options.clone() };
        let file = onnx(&self.learned, self.architecture, &options)?;
        let graph = tflite::graph(&file, (height, width))?;
        let mut random = Random::new(1);
        let images = Array4::from_shape_simple_fn((1, 3, height, width), || random.unit() as f32);
        let network = native(&self.learned, self.architecture)?;
        let difference = parity::check_of(&tflite::session(graph.clone())?, &network, &images)?;
        println!(
            "the network as TFLite differs from the network by at most {:.4} px and {:.7} in scores",
            difference.pixels, difference.score
        );
        Ok(graph)
    }

    fn tflite_int8(&mut self, graph: &Graph, images: usize) -> anyhow::Result<Graph> {
        let (plan, design) = (self.card.preprocess.clone(), self.architecture.design());
        let (height, width) = self.tflite_size();
        let chosen = self.gate()?.calibration(images);
        eprintln!("calibrating on {} training images", chosen.len());
        let images = chosen.into_iter().filter_map(int8::read_image);
        let canvases = images.map(|image| int8::canvas(&image, &plan, Size::Fixed { height, width }));
        Ok(int8::quantize_tflite(graph, design, canvases)?)
    }

    fn judge(
        &mut self,
        full: Measured<'_>,
        made: Measured<'_>,
        max_drop: f64,
    ) -> anyhow::Result<Result<BTreeMap<String, f64>, MetricDrop>> {
        let card = self.card.clone();
        self.gate()?.judge(full, made, &card, max_drop)
    }
}

fn size(text: &str) -> anyhow::Result<Size> {
    let sides = text.split_once('x').and_then(|(height, width)| Some((height.parse().ok()?, width.parse().ok()?)));
    let Some((height, width)) = sides else { bail!("--imgsz {text}: write height x width, such as 640x640") };
    ensure!(
        (32..=4096).contains(&height) && (32..=4096).contains(&width) && height % 32 == 0 && width % 32 == 0,
        "--imgsz {text}: both sides must be multiples of 32, at most 4096"
    );
    Ok(Size::Fixed { height, width })
}

fn native(weights: &Weights, architecture: Architecture) -> anyhow::Result<CandleSession> {
    let device = Device::cpu();
    let folded = fold_all(weights, architecture.backbone)?;
    let network = folded.build(&device, |vb| DetectorNetwork::load(vb, architecture))?;
    Ok(CandleSession::of_images(Box::new(network), BTreeMap::new(), &device))
}
