//! Networks as files for other tools, each compared with what it came from before it is kept.

pub(super) mod detector;
mod detector_gate;
pub(super) mod embedder;
mod metric_drop;
mod microcontroller;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use engine::onnx::{Calibration, Float16, to_float16};
use engine::tflite::{Graph, encode};
use vision::{ModelCard, Sha256};

use metric_drop::MetricDrop;

#[derive(Args)]
#[command(next_help_heading = "Export")]
pub(super) struct FormatArgs {
    /// Files to write
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT,...", default_value = "onnx")]
    format: Vec<Format>,
    /// Maximum drop of accuracy in int8, fp16 or bf16, and of TFLite, measured as served on the validation images of the run (or of
    /// --config): mAP50 of a detector, top-1 and AUROC of an embedder. A file that falls further is not written
    #[arg(long, value_name = "DROP", default_value_t = 0.01)]
    max_drop: f64,
    /// Number of training images for int8 calibration
    #[arg(long, value_name = "N", default_value_t = 64)]
    calibration_images: usize,
    /// How int8 ranges are chosen for ONNX. TFLite takes the whole range
    #[arg(long, value_enum, default_value = "mse")]
    calibration: CalibrationArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Format {
    /// 32-bit floats: <name>.onnx
    Onnx,
    /// Weights stored as 16-bit floats (fp16): <name>-fp16.onnx
    OnnxFp16,
    /// The same as bfloat16: <name>-bf16.onnx, fewer digits and the range of 32-bit floats
    OnnxBf16,
    /// 8-bit integers (QDQ): <name>-int8.onnx, a quarter of the size and about twice as fast on CPUs with VNNI
    OnnxInt8,
    /// Weights for candle as 16-bit floats: <name>-native.safetensors
    Safetensors,
    /// TFLite in 32-bit floats: <name>-fp32.tflite
    Tflite,
    /// TFLite in int8, for phones, single-board computers and microcontrollers: <name>-full-int8.tflite
    TfliteInt8,
    /// The same as C source for a microcontroller, with a README: <name>-c/
    CArray,
}

impl Format {
    /// What the name of the file ends in.
    const fn ending(self) -> &'static str {
        match self {
            Self::Onnx => ".onnx",
            Self::OnnxFp16 => "-fp16.onnx",
            Self::OnnxBf16 => "-bf16.onnx",
            Self::OnnxInt8 => "-int8.onnx",
            Self::Safetensors => "-native.safetensors",
            Self::Tflite => "-fp32.tflite",
            // A card is named by its file without the extension: `-int8` is that of ONNX.
            Self::TfliteInt8 => "-full-int8.tflite",
            Self::CArray => "-c",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CalibrationArg {
    /// Minimum squared error: rare large values may be clipped
    Mse,
    /// The whole range: nothing is clipped
    MinMax,
}

/// What is exported.
trait Subject {
    /// Writes its weights for candle.
    fn save(&self, target: &Path) -> anyhow::Result<()>;
    /// The network in `file` in int8, calibrated on so many training images.
    fn int8(&mut self, file: &[u8], images: usize, calibration: Calibration) -> anyhow::Result<Vec<u8>>;
    /// The network as TFLite in floats, which says what the network says.
    fn tflite(&self) -> anyhow::Result<Graph>;
    /// That in int8, calibrated on so many training images.
    fn tflite_int8(&mut self, graph: &Graph, images: usize) -> anyhow::Result<Graph>;
    /// Metrics of `made` for its card, unless they fall by more than `max_drop` from those of `full`.
    fn judge(
        &mut self,
        full: Measured<'_>,
        made: Measured<'_>,
        max_drop: f64,
    ) -> anyhow::Result<Result<BTreeMap<String, f64>, MetricDrop>>;
}

/// The bytes of a network, and what the names of such files end in.
#[derive(Debug, Clone, Copy)]
struct Measured<'a> {
    bytes: &'a [u8],
    extension: &'static str,
}

impl<'a> Measured<'a> {
    const fn onnx(bytes: &'a [u8]) -> Self {
        Self { bytes, extension: "onnx" }
    }
}

/// Writes `file`, the network in full precision, in all formats that were asked for, each with its card.
fn write(
    args: &FormatArgs,
    folder: &Path,
    card: &ModelCard,
    file: &[u8],
    subject: &mut dyn Subject,
) -> anyhow::Result<ExitCode> {
    ensure!((0.0..=1.0).contains(&args.max_drop), "--max-drop {}: it must lie within 0 and 1", args.max_drop);
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut code = ExitCode::SUCCESS;
    let mut int8 = None;
    for format in args.format.iter().copied().collect::<BTreeSet<_>>() {
        let target = folder.join(format!("{}{}", card.name, format.ending()));
        let mut card = card.clone();
        let made = match format {
            Format::Safetensors => {
                subject.save(&target)?;
                report(&target, card)?;
                continue;
            }
            Format::Onnx => file.to_vec(),
            Format::OnnxFp16 => to_float16(file, Float16::Fp16)?,
            Format::OnnxBf16 => to_float16(file, Float16::Bf16)?,
            Format::OnnxInt8 => {
                let method = match args.calibration {
                    CalibrationArg::Mse => Calibration::Mse,
                    CalibrationArg::MinMax => Calibration::MinMax,
                };
                subject.int8(file, args.calibration_images, method)?
            }
            Format::Tflite => encode(&subject.tflite()?),
            Format::TfliteInt8 | Format::CArray => match &int8 {
                Some(known) => Vec::clone(known),
                None => {
                    let graph = subject.tflite()?;
                    let made = encode(&subject.tflite_int8(&graph, args.calibration_images)?);
                    int8.insert(made).clone()
                }
            },
        };
        // What is no C source is refused before it is measured, which takes minutes.
        let source = match format {
            Format::CArray => Some(microcontroller::source(&target, &card, &made)?),
            _ => None,
        };
        let extension = if format >= Format::Tflite { "tflite" } else { "onnx" };
        if format != Format::Onnx {
            let measured = Measured { bytes: &made, extension };
            match subject.judge(Measured::onnx(file), measured, args.max_drop)? {
                Ok(metrics) => card.metrics.extend(metrics),
                Err(refused) => {
                    eprintln!("{}: {refused}", target.display());
                    code = ExitCode::FAILURE;
                    continue;
                }
            }
        }
        if let Some(source) = source {
            microcontroller::write(&target, &source)?;
            continue;
        }
        engine::onnx::graph::write(&target, &made)?;
        report(&target, card)?;
    }
    Ok(code)
}

/// Writes the card of a file and says what there is now.
fn report(target: &Path, mut card: ModelCard) -> anyhow::Result<()> {
    card.weights = target.file_name().context("the target has no file name")?.to_string_lossy().into_owned();
    card.sha256 = Sha256::of_file(target)?;
    let written = card.write_beside(target)?;
    let size = fs::metadata(target)?.len() as f64 / 1e6;
    println!("{}: {size:.1} MB, with its card {}", target.display(), written.display());
    Ok(())
}

/// The bytes of a network as a file with its card, for what opens files.
fn with_file<T>(
    file: Measured<'_>,
    card: &ModelCard,
    open: impl FnOnce(&Path) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let folder = tempfile::tempdir().context("cannot make a folder for the file to be measured")?;
    let name = format!("measured.{}", file.extension);
    let path = folder.path().join(&name);
    fs::write(&path, file.bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let card = ModelCard { weights: name, sha256: Sha256::of_file(&path)?, ..card.clone() };
    card.write_beside(&path)?;
    open(&path)
}

/// So many of `all`, evenly from all of them.
fn evenly<T: Copy>(all: &[T], count: usize) -> Vec<T> {
    let count = count.min(all.len());
    (0..count).map(|at| all[at * all.len() / count]).collect()
}

pub(in crate::train) fn metric(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}
