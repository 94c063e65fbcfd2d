//! The training loop: it learns, it can be interrupted anywhere, and it says what is wrong.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use engine::{Device, Weights};
use image::{Rgb, RgbImage};
use train::core::{BatchReport, EpochReport, Observer, RunFolder, Stop, find_run};
use train::detector::TrainConfig;
use train::detector::fit::{self, End, FitError, Setup};

/// Images of one red or blue box each, labelled, in the layout that names parts by folders.
fn write_data(root: &Path, count: usize) {
    for part in ["train", "val"] {
        let (images, labels) = (root.join("images").join(part), root.join("labels").join(part));
        fs::create_dir_all(&images).unwrap();
        fs::create_dir_all(&labels).unwrap();
        for at in 0..count {
            let (class, left, top) = (at % 2, 6 + (at * 7) % 24, 4 + (at * 11) % 20);
            let (width, height) = (24, 32);
            let color = if class == 0 { Rgb([225, 30, 20]) } else { Rgb([20, 40, 225]) };
            let inside = |x: u32, y: u32| {
                (left..left + width).contains(&(x as usize)) && (top..top + height).contains(&(y as usize))
            };
            let image = RgbImage::from_fn(64, 64, |x, y| if inside(x, y) { color } else { Rgb([120, 125, 118]) });
            image.save(images.join(format!("{at}.png"))).unwrap();
            let ratio = |value: usize| value as f64 / 64.0;
            let (x, y) = (ratio(2 * left + width) / 2.0, ratio(2 * top + height) / 2.0);
            let line = format!("{class} {x} {y} {} {}\n", ratio(width), ratio(height));
            fs::write(labels.join(format!("{at}.txt")), line).unwrap();
        }
    }
}

fn config(root: &Path, epochs: u32, more: &str) -> TrainConfig {
    let text = format!(
        "name: t\nmodel: yolov8n\nnames: [bottle, can]\ndata: [{{root: {}}}]\nimgsz: 64\nepochs: {epochs}\nbatch: 4\n\
         close_mosaic: 1\nworkers: 2\nseed: 3\n{more}",
        root.display()
    );
    TrainConfig::parse(&text, Path::new("test.yaml"), &|_| None).unwrap()
}

fn setup(config: TrainConfig) -> Setup {
    let feed = Arc::new(config.feed().unwrap());
    let validation = Some(config.validation().unwrap());
    let (device, license) = (device(), "none".to_owned());
    Setup { config, transfer: None, feed, validation, device, data: Vec::new(), license }
}

/// A CPU, or what `SHELF_TEST_DEVICE` names (`make cuda-test`).
fn device() -> Device {
    Device::parse(&std::env::var("SHELF_TEST_DEVICE").unwrap_or_else(|_| "cpu".to_owned())).unwrap()
}

const QUICK: &str = "optimizer: {nominal_batch: 4, warmup_epochs: 1, ema_steps: 10}";

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

fn values(path: &Path) -> Vec<(String, Vec<u32>)> {
    let weights = Weights::open(path).unwrap();
    weights.iter().map(|(name, _, values)| (name.to_owned(), values.iter().map(|v| v.to_bits()).collect())).collect()
}

#[test]
fn an_interrupted_run_ends_like_one_that_was_not() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path(), 12);
    let setup = setup(config(data.path(), 3, QUICK));
    let runs = tempfile::tempdir().unwrap();

    let whole = RunFolder::create(runs.path(), "whole").unwrap();
    let finished = fit::fit(&setup, &whole, &mut (), &Stop::default()).unwrap();
    assert_eq!((finished.why, finished.epochs), (End::Done, 3));

    // Three batches an epoch: stopped within the first and again within the third.
    let parts = RunFolder::create(runs.path(), "parts").unwrap();
    for batches in [2, 5] {
        let stop = Stop::default();
        let mut observer = StopAfter { batches, stop: stop.clone() };
        assert_eq!(fit::fit(&setup, &parts, &mut observer, &stop).unwrap().why, End::Stopped);
    }
    let found = find_run(runs.path(), "last").unwrap();
    assert_eq!(fit::fit(&setup, &found, &mut (), &Stop::default()).unwrap().why, End::Done);
    assert!(values(&whole.last()) == values(&parts.last()), "weights, average and optimiser are the same to the bit");
    assert!(values(&whole.best()) == values(&parts.best()));

    let column = |folder: &RunFolder| -> Vec<String> {
        let text = fs::read_to_string(folder.results()).unwrap();
        // All but the time and the speed.
        text.lines().map(|line| line.split(',').skip(2).take(9).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(column(&whole), column(&parts));
    assert_eq!(column(&whole).len(), 4, "a header and three epochs");
    for file in ["train_batch0.jpg", "val_predictions.jpg", "weights/best.card.json"] {
        assert!(whole.path().join(file).is_file(), "{file}");
    }
    for (file, width) in
        [("results.png", 2784), ("PR_curve.png", 936), ("F1_curve.png", 936), ("confusion_matrix.png", 500)]
    {
        let bytes = fs::read(whole.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let image = vision::decode(&bytes, &vision::DecodeLimits::default()).unwrap();
        assert!(image.width() >= width, "{file} is {} wide", image.width());
        // Where everything is missed the matrix has the colour of misses alone.
        let colored = |[r, g, b]: [u8; 3]| r.max(g).max(b) - r.min(g).min(b) > 60;
        assert!(image.pixels().any(|pixel| colored(pixel.0)), "{file} shows a curve or cell");
    }
    assert!(detector::load(&whole.best(), &detector::LoadOptions::default()).is_ok(), "the best network serves");
}

/// The loss of every batch.
#[derive(Default)]
struct Losses(Vec<f64>);

impl Observer for Losses {
    fn batch(&mut self, report: &BatchReport) {
        self.0.push(report.loss);
    }
}

#[test]
#[ignore = "needs a GPU, real or emulated: `make cuda-test` runs it"]
fn a_gpu_trains_as_a_cpu_does() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path(), 12);
    let runs = tempfile::tempdir().unwrap();
    let losses = |device: Device, mixed_precision: bool| -> Vec<f64> {
        let mut config = config(data.path(), 1, QUICK);
        config.optimiser.mixed_precision = mixed_precision;
        let folder = RunFolder::create(runs.path(), "run").unwrap();
        let mut losses = Losses::default();
        fit::fit(&Setup { device, ..setup(config) }, &folder, &mut losses, &Stop::default()).unwrap();
        losses.0
    };
    let gpu = device();
    assert!(gpu.is_cuda(), "SHELF_TEST_DEVICE names no GPU");
    let cpu = losses(Device::cpu(), false);
    // Steps of tiny batches make more of what rounding differs by.
    for (what, found, tolerance) in [("single", losses(gpu.clone(), false), 5e-3), ("mixed", losses(gpu, true), 5e-2)] {
        assert_eq!((found.len(), cpu.len()), (3, 3));
        for (at, (found, cpu)) in found.iter().zip(&cpu).enumerate() {
            let allowed = if at == 0 { 0.2 * tolerance } else { tolerance };
            assert!((found - cpu).abs() <= allowed * cpu, "{what}, batch {at}: {found}, on a CPU {cpu}");
        }
    }
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path(), 4);
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(runs.path(), "run").unwrap();
    fit::fit(&setup(config(data.path(), 1, QUICK)), &folder, &mut (), &Stop::default()).unwrap();
    let mut other = config(data.path(), 2, QUICK);
    other.design = "yolov8s".parse().unwrap();
    let error = fit::fit(&setup(other), &folder, &mut (), &Stop::default()).unwrap_err();
    assert!(error.to_string().contains("is of yolov8n with 2 classes, this run trains yolov8s"), "{error}");
}

/// The number of threads is settled once per process: this program again, with a test that trains and validates.
#[test]
fn one_thread_is_enough() {
    let own = module_path!().split_once("::").map_or(module_path!(), |(_, inside)| inside);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{own}::a_checkpoint_of_another_network_is_refused")])
        .env("RAYON_NUM_THREADS", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It takes seconds; a run whose validation waits for the thread that waits for it never ends.
    for _ in 0..1200 {
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            // A name that fits no test would be a success, too.
            assert!(status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        thread::sleep(Duration::from_millis(250));
    }
    child.kill().unwrap();
    panic!("training does not get on with one thread");
}

#[test]
fn a_run_that_blows_up_names_the_batch_and_keeps_its_image() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path(), 8);
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(runs.path(), "run").unwrap();
    let mut config = config(data.path(), 30, QUICK);
    (config.optimiser.lr0, config.optimiser.warmup_epochs, config.optimiser.clip_norm) = (1e30, 0.0, 1e30);
    let error = fit::fit(&setup(config), &folder, &mut (), &Stop::default()).unwrap_err();
    let FitError::NotFinite { names, saved, .. } = &error else { panic!("{error}") };
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.ends_with(".png")) && saved.is_file(), "{error}");
}

/// The best metrics of a run.
#[derive(Default)]
struct Best(f64);

impl Observer for Best {
    fn epoch(&mut self, report: &EpochReport) {
        let map50 = report.metrics.iter().find(|(name, _)| *name == "metrics/mAP50(B)").and_then(|(_, value)| *value);
        self.0 = self.0.max(map50.unwrap_or(0.0));
    }
}

#[test]
#[ignore = "minutes; run it with --ignored after changing loss, assigner, optimiser or operations"]
fn eight_images_are_learned_by_heart() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path(), 8);
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(runs.path(), "run").unwrap();
    let plain = "augment: {mosaic: 0, hsv_h: 0, hsv_s: 0, hsv_v: 0, translate: 0, scale: 0, degrees: 0, fliplr: 0, jpeg: 0, \
                 blur: 0, light: 0}\noptimizer: {name: adamw, lr0: 0.002, momentum: 0.9, nominal_batch: 4, warmup_epochs: 2, \
                 warmup_bias_lr: 0.0, ema_decay: 0.9, ema_steps: 10}";
    let mut best = Best::default();
    fit::fit(&setup(config(data.path(), 150, plain)), &folder, &mut best, &Stop::default()).unwrap();
    assert!(best.0 > 0.99, "mAP50 {}", best.0);
}
