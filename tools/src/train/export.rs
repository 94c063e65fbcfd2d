//! `shelf train detector --export`: a network as ONNX, compared with what it came from before it is kept.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use detector::export::{ExportOptions, Size, onnx, parity};
use detector::model::fold::fold_all;
use detector::model::{Architecture, YoloV8};
use engine::{CandleSession, Device, InputShape, Weights};
use ndarray::Array4;
use vision::{ModelCard, Random, Sha256};

use super::detector::{DetectorArgs, weights};

pub(super) fn run(args: &DetectorArgs, which: &str) -> anyhow::Result<ExitCode> {
    let source = weights(&args.runs, which)?;
    let Some(mut card) = ModelCard::read_beside(&source)? else {
        bail!(
            "{} has no model card beside it, which names its classes; write one with `shelf models import`",
            source.display()
        )
    };
    let learned = Weights::open(&source)?;
    let found = Architecture::infer(|name| learned.shape(name).map(<[usize]>::to_vec))
        .with_context(|| format!("{} is no detector of ours", source.display()))?;
    let architecture = card.architecture.parse().map_or(found, |design| found.named(design));
    let size = args.imgsz.as_deref().map_or(Ok(Size::Any), size)?;
    let options = ExportOptions {
        batch: args.batch,
        size,
        names: card.classes.clone(),
        side: card.preprocess.width,
        description: format!("{} ({})", card.name, card.architecture),
        license: card.license.clone(),
    };
    let file = onnx(&learned, architecture, &options)?;
    let difference = parity::check(&file, &native(&learned, architecture)?, &pictures(&options))?;

    fs::create_dir_all(&args.output_dir).with_context(|| format!("cannot make {}", args.output_dir.display()))?;
    let target = args.output_dir.join(format!("{}.onnx", card.name));
    engine::onnx::graph::write(&target, &file)?;
    card.weights = format!("{}.onnx", card.name);
    card.sha256 = Sha256::of_file(&target)?;
    let written = card.write_beside(&target)?;
    println!(
        "{}: {:.1} MB; differs from the network by at most {:.4} px and {:.7} in scores\n{}: its card",
        target.display(),
        file.len() as f64 / 1e6,
        difference.pixels,
        difference.score,
        written.display()
    );
    Ok(ExitCode::SUCCESS)
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

/// Noise: it stirs every channel, which a smooth picture does not.
fn pictures(options: &ExportOptions) -> Array4<f32> {
    let (height, width) = match options.size {
        Size::Fixed { height, width } => (height, width),
        Size::Any => (320, 416),
    };
    let mut random = Random::new(1);
    Array4::from_shape_simple_fn((options.batch.unwrap_or(2), 3, height, width), || random.unit() as f32)
}
