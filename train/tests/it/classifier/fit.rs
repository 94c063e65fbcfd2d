//! The training loop: it learns, it can be interrupted anywhere, what it writes can be served and exported.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use classifier::model::{EmbedderNetwork, Heads};
use classifier::{EngineChoice, LoadOptions};
use engine::onnx::{Calibration, Float16};
use engine::{CandleSession, Device, Weights};
use image::{Rgb, RgbImage};
use ndarray::{Array4, Axis};
use train::classifier::fit::{self, End, FitError, Setup};
use train::classifier::{TrainConfig, head_start, network};
use train::core::{BatchReport, EpochReport, Observer, RunFolder, Stop};
use train::export::classifier::{ExportOptions, onnx, parity, quantize};
use vision::Embedder as _;
use vision::preprocess::Region;

/// Three SKUs told apart by their stripes, in `train` and `val`.
fn write_data(root: &Path) {
    for part in ["train", "val"] {
        for sku in 0..3_u32 {
            let folder = root.join(part).join(format!("sku{sku}"));
            fs::create_dir_all(&folder).unwrap();
            for at in 0..4_u32 {
                let shift = at * 5 + if part == "val" { 2 } else { 0 };
                let image = RgbImage::from_fn(40, 40, |x, y| {
                    let along = match sku {
                        0 => x + shift,
                        1 => y + shift,
                        _ => x + y + shift,
                    };
                    if along % 16 < 8 { Rgb([230, 220, 40 * sku as u8]) } else { Rgb([30, 40, 120 + shift as u8]) }
                });
                image.save(folder.join(format!("{at}.png"))).unwrap();
            }
        }
    }
}

fn setup(root: &Path, epochs: u32, more: &str) -> Setup {
    let text = format!(
        "name: t\nbackbone: efficientnet_lite0\nembedding_dim: 16\ndata: [{{root: {}}}]\nimage_size: 32\nepochs: {epochs}\n\
         sampler: {{skus: 3, images: 2}}\nmetric_head: {{scale: 16, margin: 0.3, margin_warmup_epochs: 1}}\nworkers: 2\n\
         min_images_per_sku: 1\nseed: 3\noptimizer: {{name: adamw, lr0: 0.002, nominal_batch: 6, warmup_epochs: 1, \
         ema_decay: 0.9, ema_steps: 2, momentum: 0.9}}\n{more}",
        root.display()
    );
    let config = TrainConfig::parse(&text, Path::new("test.yaml"), &|_| None).unwrap();
    let feed = Arc::new(config.feed(config.images().unwrap()));
    Setup { config, start: None, feed, device: device(), data: Vec::new(), license: "none".to_owned() }
}

/// A CPU, or what `SHELF_TEST_DEVICE` names (`make cuda-test`).
fn device() -> Device {
    Device::parse(&std::env::var("SHELF_TEST_DEVICE").unwrap_or_else(|_| "cpu".to_owned())).unwrap()
}

/// Wishes the end after so many batches in all.
struct StopAfter {
    batches: usize,
    stop: Stop,
}

impl Observer for StopAfter {
    fn batch(&mut self, _: &BatchReport) {
        self.batches -= 1;
        if self.batches == 0 {
            self.stop.request();
        }
    }
}

fn bits(path: &Path) -> Vec<(String, Vec<u32>)> {
    let weights = Weights::open(path).unwrap();
    weights.iter().map(|(name, _, values)| (name.to_owned(), values.iter().map(|v| v.to_bits()).collect())).collect()
}

#[test]
fn an_interrupted_run_ends_like_one_that_was_not() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let setup = setup(data.path(), 2, "growing: [{until: 0.5, size: 32}]");
    let runs = tempfile::tempdir().unwrap();
    let whole = RunFolder::create(runs.path(), "whole").unwrap();
    fit::fit(&setup, &whole, &mut (), &Stop::default()).unwrap();

    let parts = RunFolder::create(runs.path(), "parts").unwrap();
    for batches in [1, 2, 100] {
        let stop = Stop::default();
        let mut observer = StopAfter { batches, stop: stop.clone() };
        let (finished, _) = fit::fit(&setup, &parts, &mut observer, &stop).unwrap();
        assert_eq!(finished.why, if batches == 100 { End::Done } else { End::Stopped });
    }
    for file in ["weights/last.safetensors", "weights/best.safetensors"] {
        let (a, b) = (bits(&whole.path().join(file)), bits(&parts.path().join(file)));
        assert_eq!(a.len(), b.len(), "{file}");
        for (a, b) in a.iter().zip(&b) {
            assert!(a == b, "{file}: {} differs", a.0);
        }
    }
    let rows = |run: &RunFolder| fs::read_to_string(run.results()).unwrap().lines().count();
    assert_eq!((rows(&whole), rows(&parts)), (3, 3));
}

/// The loss of every batch.
#[derive(Default)]
struct Losses(Vec<f64>);

impl Observer for Losses {
    fn batch(&mut self, report: &BatchReport) {
        self.0.push(report.loss);
    }
}

/// The first batch: after a step of this tiny network on six images what rounding differs by is a different course.
#[test]
#[ignore = "needs a GPU, real or emulated: `make cuda-test` runs it"]
fn a_gpu_begins_as_a_cpu_does() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let runs = tempfile::tempdir().unwrap();
    // The first weighs channels by what the image shows, the second does not.
    for backbone in ["efficientnet_b0", "efficientnet_lite0"] {
        let loss = |device: Device, mixed_precision: bool| -> f64 {
            let mut setup = Setup { device, ..setup(data.path(), 1, "dropout: 0.1") };
            setup.config.backbone = backbone.parse().unwrap();
            setup.config.optimiser.mixed_precision = mixed_precision;
            let run = RunFolder::create(runs.path(), "run").unwrap();
            let mut losses = Losses::default();
            fit::fit(&setup, &run, &mut losses, &Stop::default()).unwrap();
            assert!(losses.0.iter().all(|loss| loss.is_finite()));
            losses.0[0]
        };
        let gpu = device();
        assert!(gpu.is_cuda(), "SHELF_TEST_DEVICE names no GPU");
        let (cpu, single) = (loss(Device::cpu(), false), loss(gpu.clone(), false));
        assert!((single - cpu).abs() <= 1e-3 * cpu, "{backbone}: {single}, on a CPU {cpu}");
        // The norms of an untrained network over six images multiply what bf16 rounds off.
        let mixed = loss(gpu, true);
        assert!((mixed - cpu).abs() <= cpu, "{backbone}, mixed: {mixed}, on a CPU {cpu}");
    }
}

struct Epochs(Vec<EpochReport>);

impl Observer for Epochs {
    fn epoch(&mut self, report: &EpochReport) {
        self.0.push(report.clone());
    }
}

#[test]
fn it_learns_and_what_it_writes_is_served_and_exported() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let setup = setup(data.path(), 8, "augment: {degrees: 0, jitter: 0.05, cover: 0, light: 0, far: 0}");
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), "t").unwrap();
    let mut epochs = Epochs(Vec::new());
    let (_, best) = fit::fit(&setup, &run, &mut epochs, &Stop::default()).unwrap();
    let metric = |report: &EpochReport, name: &str| report.metrics.iter().find(|(n, _)| *n == name).unwrap().1.unwrap();
    let (first, last) = (&epochs.0[0], epochs.0.last().unwrap());
    assert!(metric(last, "train/loss") < 0.7 * metric(first, "train/loss"), "{:?}", epochs.0);
    // Sixteen steps move the running statistics little, so the averaged network is far behind the one in training; chance
    // is a third.
    assert!(best.unwrap().top1.unwrap() > 0.4, "{best:?}");
    assert!(run.path().join("train_batch0.jpg").is_file());

    // Served by its card alone.
    let options = LoadOptions { engine: EngineChoice::Candle, ..LoadOptions::default() };
    let embedder = classifier::load(&run.best(), &options).unwrap();
    assert_eq!(embedder.dimension(), 16);
    let image = RgbImage::from_fn(50, 60, |x, y| Rgb([(x * 5) as u8, (y * 4) as u8, 90]));
    let native = embedder.embed(std::slice::from_ref(&image)).unwrap().remove(0);

    // Exported, and the file read back by both engines.
    let weights = Weights::open(&run.best()).unwrap();
    let backbone = setup.config.backbone;
    let heads = Heads::of(&weights);
    let network = weights.build(&Device::cpu(), |vb| EmbedderNetwork::load(vb, backbone, heads)).unwrap();
    let session = CandleSession::of_images(Box::new(network), std::collections::BTreeMap::new(), &Device::cpu());
    let images =
        Array4::from_shape_fn((3, 3, 32, 32), |(b, c, y, x)| ((b + 2 * c + 3 * y + 5 * x) % 17) as f32 / 8.0 - 1.0);
    let options = ExportOptions { size: (32, 32), description: String::new(), license: String::new() };
    let whole = onnx(&weights, backbone, &options).unwrap();
    let [fp16, bf16] = [Float16::Fp16, Float16::Bf16].map(|kind| engine::onnx::to_float16(&whole, kind).unwrap());
    let learned = setup.config.images().unwrap().train;
    let crops = learned.iter().map(|crop| {
        let mut input = Array4::zeros((1, 3, 32, 32));
        let image = dataset::image_file::load(&crop.path).unwrap();
        setup.config.plan().apply(&image, Region::whole(&image), input.index_axis_mut(Axis(0), 0));
        input
    });
    let int8 = quantize(&whole, backbone, crops, Calibration::Mse).unwrap();
    assert!(int8.len() * 100 < whole.len() * 30, "{} of {}", int8.len(), whole.len());
    let files = [("whole", whole, 0.9999), ("fp16", fp16, 0.9999), ("bf16", bf16, 0.999), ("int8", int8, 0.97)];
    for (kind, file, minimum) in files {
        if kind == "whole" || kind == "fp16" {
            let cosine = parity(&file, &session, &images).unwrap();
            assert!(cosine > 0.99999, "{kind}: {cosine}");
        }
        let path = runs.path().join(format!("{kind}.onnx"));
        fs::write(&path, &file).unwrap();
        let mut card = vision::ModelCard::read_beside(&run.best()).unwrap().unwrap();
        card.weights = path.file_name().unwrap().to_string_lossy().into_owned();
        card.sha256 = vision::Sha256::of(&file);
        card.write_beside(&path).unwrap();
        // candle does not compute in int8.
        let engines = [EngineChoice::OnnxRuntime, EngineChoice::Candle];
        for engine in &engines[..if kind == "int8" { 1 } else { 2 }] {
            let engine = *engine;
            let loaded = classifier::load(&path, &LoadOptions { engine, ..LoadOptions::default() }).unwrap();
            let found = loaded.embed(std::slice::from_ref(&image)).unwrap().remove(0);
            assert!(native.cosine(&found) > minimum, "{engine:?}, {kind}: {}", native.cosine(&found));
        }
    }
}

#[test]
fn a_run_that_runs_away_says_where() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let mut setup = setup(data.path(), 3, "");
    setup.config.optimiser.lr0 = 1e30;
    setup.config.optimiser.warmup_epochs = 0.0;
    setup.config.optimiser.clip_norm = 1e9;
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), "t").unwrap();
    let error = fit::fit(&setup, &run, &mut (), &Stop::default()).unwrap_err();
    let FitError::NotFinite { names, saved, .. } = &error else { panic!("{error}") };
    assert!(!names.is_empty() && saved.is_file(), "{error}");
}

#[test]
fn another_network_cannot_go_on() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), "t").unwrap();
    fit::fit(&setup(data.path(), 1, ""), &run, &mut (), &Stop::default()).unwrap();
    let other = setup(data.path(), 2, "held_out: {skus: [sku1]}");
    let error = fit::fit(&other, &run, &mut (), &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("2 SKUs") && error.contains("3 SKUs"), "{error}");
}

#[test]
fn a_second_run_begins_with_what_the_first_learned() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let runs = tempfile::tempdir().unwrap();
    let first = setup(data.path(), 6, "augment: {degrees: 0, jitter: 0.05, cover: 0, light: 0, far: 0}");
    let run = RunFolder::create(runs.path(), "first").unwrap();
    let mut losses = Losses::default();
    fit::fit(&first, &run, &mut losses, &Stop::default()).unwrap();
    let learned = Weights::open(&run.best()).unwrap();

    let mut second = setup(data.path(), 1, "augment: {degrees: 0, jitter: 0.05, cover: 0, light: 0, far: 0}");
    let start = network::start(&learned).unwrap();
    let start = head_start(&start, &second.config, &second.feed.data, &second.device).unwrap();
    // Served before a single step, it is the network that the first run left behind.
    let served = network::served(&start, second.config.backbone).unwrap();
    for (name, shape, before) in learned.iter() {
        let after = served.take(name, shape).unwrap();
        let off = before.iter().zip(after).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0_f32, f32::max);
        assert!(off < 1e-4, "{name}: {off}");
    }
    second.start = Some(start);
    let mut again = Losses::default();
    fit::fit(&second, &RunFolder::create(runs.path(), "second").unwrap(), &mut again, &Stop::default()).unwrap();
    assert!(again.0[0] < 0.5 * losses.0[0], "it began with {}, the first run with {}", again.0[0], losses.0[0]);
}
