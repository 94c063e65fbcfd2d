//! `shelf train detector --export`: a network as files for other tools, each compared with what it came from before it is
//! kept.

mod gate;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use detector::ClassMap;
use detector::export::{ExportOptions, Size, Suppression, bytes, onnx, parity};
use detector::model::fold::fold_all;
use detector::model::{Architecture, YoloV8};
use engine::onnx::{Calibration, halved};
use engine::{CandleSession, Device, InputShape, Precision, Weights};
use ndarray::Array4;
use vision::{ModelCard, Random, Sha256};

use super::detector::{DetectorArgs, read, weights};
use gate::Gate;

#[derive(Args)]
#[command(next_help_heading = "With --export")]
pub(super) struct ExportArgs {
    /// What is written
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT,...", default_value = "onnx")]
    format: Vec<Format>,
    /// Where files and their cards go
    #[arg(long, value_name = "DIR", default_value = "models/detector")]
    output_dir: PathBuf,
    /// Pictures at once; any number without
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Height and width of the input, multiples of 32; any without
    #[arg(long, value_name = "HxW")]
    imgsz: Option<String>,
    /// Suppress duplicates inside the ONNX file, whatever their class
    #[arg(long)]
    nms: bool,
    /// With --nms: overlap above which two boxes are one object
    #[arg(long, value_name = "IOU", default_value_t = Suppression::default().iou, requires = "nms")]
    nms_iou: f32,
    /// With --nms: least confidence; who runs the file can ask for more, not for less
    #[arg(long, value_name = "SHARE", default_value_t = Suppression::default().confidence, requires = "nms")]
    nms_confidence: f32,
    /// Most that mAP50 may fall in bytes or halves, measured as served on the validation pictures of the run (or of --config);
    /// a file that falls further is not written
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    max_drop: f64,
    /// Training pictures that bytes are calibrated on
    #[arg(long, value_name = "N", default_value_t = 64)]
    calibration_pictures: usize,
    /// How ranges of bytes are chosen
    #[arg(long, value_enum, default_value = "mse")]
    calibration: CalibrationArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Format {
    /// 32-bit floats: <name>.onnx
    Onnx,
    /// Weights stored as 16-bit floats: <name>-half.onnx
    OnnxHalf,
    /// Bytes (QDQ): <name>-int8.onnx, a quarter of the size and about twice as fast on CPUs with VNNI
    OnnxInt8,
    /// Weights for candle as 16-bit floats: <name>-native.safetensors
    Safetensors,
}

impl Format {
    /// What the name of the file ends in.
    const fn ending(self) -> &'static str {
        match self {
            Self::Onnx => ".onnx",
            Self::OnnxHalf => "-half.onnx",
            Self::OnnxInt8 => "-int8.onnx",
            Self::Safetensors => "-native.safetensors",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CalibrationArg {
    /// Least squared error: rare large values may be cut off
    Mse,
    /// Nothing is cut off
    MinMax,
}

/// The network that is exported, and all that is known of it.
struct Source {
    learned: Weights,
    architecture: Architecture,
    card: ModelCard,
    options: ExportOptions,
}

pub(super) fn run(args: &DetectorArgs, which: &str) -> anyhow::Result<ExitCode> {
    let path = weights(&args.runs, which)?;
    let source = Source::open(&path, &args.export_args, &args.license)?;
    let folder = &args.export_args.output_dir;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let plain = onnx(&source.learned, source.architecture, &ExportOptions { nms: None, ..source.options.clone() })?;
    let pictures = source.pictures();
    let difference = parity::check(&plain, &native(&source.learned, source.architecture)?, &pictures)?;
    println!(
        "the network as ONNX differs from the network by at most {:.4} px and {:.7} in scores",
        difference.pixels, difference.score
    );
    let file = match source.options.nms {
        None => plain,
        Some(nms) => {
            let file = onnx(&source.learned, source.architecture, &source.options)?;
            let classes = ClassMap::all(source.card.classes.clone())?;
            let left = parity::check_suppression(&file, &plain, (nms, &classes), &pictures)?;
            println!("suppression inside the file leaves the same {left} boxes as ours");
            file
        }
    };
    let formats: BTreeSet<Format> = args.export_args.format.iter().copied().collect();
    let lossy = formats.iter().any(|format| matches!(format, Format::OnnxHalf | Format::OnnxInt8));
    let mut gate = if lossy { Some(Gate::new(&config_of(args, &path)?, args.export_args.max_drop)?) } else { None };
    let mut code = ExitCode::SUCCESS;
    for format in formats {
        let target = folder.join(format!("{}{}", source.card.name, format.ending()));
        let made = match (format, &mut gate) {
            (Format::Safetensors, _) => {
                source.learned.save(&target, Precision::F16)?;
                source.report(&target, source.card.clone())?;
                continue;
            }
            (Format::OnnxHalf, _) => halved(&file)?,
            (Format::OnnxInt8, Some(gate)) => {
                let method = match args.export_args.calibration {
                    CalibrationArg::Mse => Calibration::Mse,
                    CalibrationArg::MinMax => Calibration::MinMax,
                };
                let pictures = gate.calibration(args.export_args.calibration_pictures);
                eprintln!("calibrating on {} training pictures", pictures.len());
                let (plan, size) = (&source.card.preprocess, source.options.size);
                // One at a time: photos are large.
                let canvases = pictures.into_iter().filter_map(bytes::picture);
                bytes::quantize(&file, canvases.map(|image| bytes::canvas(&image, plan, size)), method)?
            }
            _ => file.clone(),
        };
        let mut card = source.card.clone();
        if let Some(gate) = gate.as_mut().filter(|_| format != Format::Onnx) {
            match gate.judge(&file, &made, &source.card)? {
                Ok(figures) => card.metrics.extend(figures),
                Err(refused) => {
                    eprintln!("{}: {refused}", target.display());
                    code = ExitCode::FAILURE;
                    continue;
                }
            }
        }
        engine::onnx::graph::write(&target, &made)?;
        source.report(&target, card)?;
    }
    Ok(code)
}

/// The configuration that names the pictures to measure with: that of the run where the weights lie in one.
fn config_of(args: &DetectorArgs, weights: &Path) -> anyhow::Result<detector::train::TrainConfig> {
    let beside = weights.ancestors().nth(2).map(|run| run.join("args.yaml")).filter(|path| path.is_file());
    read(&beside.unwrap_or_else(|| args.config.clone()))
}

impl Source {
    fn open(path: &Path, args: &ExportArgs, license: &str) -> anyhow::Result<Self> {
        let Some(mut card) = ModelCard::read_beside(path)? else {
            bail!(
                "{} has no model card beside it, which names its classes; write one with `shelf models import`",
                path.display()
            )
        };
        if license != super::detector::NO_LICENSE {
            license.clone_into(&mut card.license);
        }
        let learned = Weights::open(path)?;
        let found = Architecture::infer(|name| learned.shape(name).map(<[usize]>::to_vec))
            .with_context(|| format!("{} is no detector of ours", path.display()))?;
        let architecture = card.architecture.parse().map_or(found, |design| found.named(design));
        for (name, value) in [("--nms-iou", args.nms_iou), ("--nms-confidence", args.nms_confidence)] {
            ensure!((0.0..=1.0).contains(&value), "{name} {value}: it must lie within 0 and 1");
        }
        ensure!((0.0..=1.0).contains(&args.max_drop), "--max-drop {}: it must lie within 0 and 1", args.max_drop);
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
        Ok(Self { learned, architecture, card, options })
    }

    /// Noise: it stirs every channel, which a smooth picture does not.
    fn pictures(&self) -> Array4<f32> {
        let (height, width) = match self.options.size {
            Size::Fixed { height, width } => (height, width),
            Size::Any => (320, 416),
        };
        let mut random = Random::new(1);
        Array4::from_shape_simple_fn((self.options.batch.unwrap_or(2), 3, height, width), || random.unit() as f32)
    }

    /// Writes the card of a file and says what there is now.
    fn report(&self, target: &Path, mut card: ModelCard) -> anyhow::Result<()> {
        card.weights = target.file_name().context("the target has no file name")?.to_string_lossy().into_owned();
        card.sha256 = Sha256::of_file(target)?;
        let written = card.write_beside(target)?;
        let size = fs::metadata(target)?.len() as f64 / 1e6;
        println!("{}: {size:.1} MB, with its card {}", target.display(), written.display());
        Ok(())
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
    let network = folded.build(&device, |vb| YoloV8::load(vb, architecture))?;
    let input = InputShape { batch: None, channels: 3, height: None, width: None };
    Ok(CandleSession::new(Box::new(network), input, std::collections::BTreeMap::new(), &device))
}
