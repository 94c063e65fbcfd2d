//! Files written for other tools: they say what the network says, and ONNX's own checker has nothing against them.

use std::path::Path;
use std::process::Command;

use detector::model::fold::fold_all;
use detector::model::{Architecture, DetectorNetwork};
use detector::{ClassMap, LoadOptions, ValidationOptions, YoloDetector, YoloSpec};
use engine::onnx::{Calibration, Float16, to_float16};
use engine::{CandleSession, Device, OrtOptions, OrtSession, Session, Weights};
use ndarray::Array4;
use train::core::Parameters;
use train::export::detector::parity;
use train::export::detector::{ExportOptions, Size, Suppression, int8, onnx};
use train::export::parity::ParityError;

use crate::support::noise;

const DESIGNS: [&str; 3] = ["yolov8n", "efficientnet_lite0-yolov8n", "efficientnet_b0-yolov8n"];

/// A network with weights as training starts with.
fn fresh(design: &str) -> (Weights, Architecture) {
    let architecture = Architecture::of(design.parse().unwrap(), 4);
    let parameters = Parameters::new(7, None, &Device::cpu());
    DetectorNetwork::load(parameters.builder(), architecture).unwrap();
    let ema = train::core::Ema::new(&parameters.all(), 0.0, 1.0).unwrap();
    (ema.weights(Path::new("fresh.safetensors")).unwrap(), architecture)
}

fn native(weights: &Weights, architecture: Architecture) -> CandleSession {
    let device = Device::cpu();
    let folded = fold_all(weights, architecture.backbone).unwrap();
    let network = folded.build(&device, |vb| DetectorNetwork::load(vb, architecture)).unwrap();
    CandleSession::of_images(Box::new(network), std::collections::BTreeMap::new(), &device)
}

fn images(batch: usize, height: usize, width: usize) -> Array4<f32> {
    let values = noise(3, batch * 3 * height * width).into_iter().map(|value| (value + 1.0) / 2.0).collect();
    Array4::from_shape_vec((batch, 3, height, width), values).unwrap()
}

fn options(batch: Option<usize>, size: Size) -> ExportOptions {
    ExportOptions {
        batch,
        size,
        names: ["bottle", "can", "glass", "o'clock"].map(str::to_owned).to_vec(),
        side: 64,
        description: "a test".to_owned(),
        license: "none".to_owned(),
        nms: None,
    }
}

#[test]
fn files_say_what_the_network_says() {
    for design in DESIGNS {
        let (weights, architecture) = fresh(design);
        let network = native(&weights, architecture);
        let any = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
        for (batch, height, width) in [(1, 64, 64), (2, 96, 160)] {
            let found = parity::check(&any, &network, &images(batch, height, width))
                .unwrap_or_else(|error| panic!("{design} at {height}x{width}: {error}"));
            println!("{design} {height}x{width}: {found:?}");
        }
        let fixed = onnx(&weights, architecture, &options(Some(1), Size::Fixed { height: 96, width: 64 })).unwrap();
        parity::check(&fixed, &network, &images(1, 96, 64)).unwrap_or_else(|error| panic!("{design}: {error}"));
    }
}

#[test]
fn another_networks_file_is_found_out() {
    let (weights, architecture) = fresh("yolov8n");
    let mut other = weights.clone();
    let bias = other.shape("model.22.cv3.0.2.bias").unwrap().to_vec();
    other.insert("model.22.cv3.0.2.bias", &bias, vec![0.0; 4]).unwrap();
    let file = onnx(&other, architecture, &options(None, Size::Any)).unwrap();
    let error = parity::check(&file, &native(&weights, architecture), &images(1, 64, 64)).unwrap_err();
    assert!(matches!(error, ParityError::Boxes { .. }), "{error}");
}

#[test]
fn what_tools_look_for_is_in_the_file() {
    let (weights, architecture) = fresh("efficientnet_lite0-yolov8n");
    let file = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
    let session = OrtSession::from_bytes(&file, &OrtOptions::default()).unwrap();
    let metadata = &session.info().metadata;
    let metadata = detector::metadata::ExportMetadata::parse(metadata).unwrap();
    assert_eq!(metadata.names.unwrap(), ["bottle", "can", "glass", "o'clock"]);
    assert_eq!((metadata.stride, metadata.image_size), (Some(32), Some((64, 64))));
}

/// The same network with scores that are worth suppressing: those of an untrained one are all next to nothing.
fn confident(design: &str) -> (Weights, Architecture) {
    let (mut weights, architecture) = fresh(design);
    for level in 0..3 {
        let name = format!("model.22.cv3.{level}.2");
        let shape = weights.shape(&format!("{name}.weight")).unwrap().to_vec();
        let steep = noise(level, shape.iter().product()).into_iter().map(|value| value * 2.0).collect();
        weights.insert(format!("{name}.weight"), &shape, steep).unwrap();
        weights.insert(format!("{name}.bias"), &[4], vec![-0.5, 0.0, 0.5, 0.2]).unwrap();
    }
    (weights, architecture)
}

fn class_map() -> ClassMap {
    ClassMap::all(options(None, Size::Any).names).unwrap()
}

#[test]
fn suppression_inside_the_file_leaves_what_ours_leaves() {
    for (size, batch, shape) in
        [(Size::Any, None, (3, 96, 160)), (Size::Fixed { height: 64, width: 96 }, Some(1), (1, 64, 96))]
    {
        let (weights, architecture) = confident("yolov8n");
        let plain = onnx(&weights, architecture, &options(batch, size)).unwrap();
        let check = |nms: Suppression, expected: fn(usize) -> bool| {
            let file = onnx(&weights, architecture, &ExportOptions { nms: Some(nms), ..options(batch, size) }).unwrap();
            let images = images(shape.0, shape.1, shape.2);
            let left = parity::check_suppression(&file, &plain, (nms, &class_map()), &images)
                .unwrap_or_else(|error| panic!("{nms:?}: {error}"));
            assert!(expected(left), "{nms:?} left {left}");
        };
        check(Suppression { iou: 0.7, confidence: 0.001, max_detections: 300 }, |left| left > 10);
        check(Suppression { iou: 0.2, confidence: 0.4, max_detections: 300 }, |left| left > 0);
        check(Suppression { iou: 0.7, confidence: 0.001, max_detections: 5 }, |left| left % 5 == 0 && left > 0);
        check(Suppression { iou: 0.7, confidence: 1.0, max_detections: 300 }, |left| left == 0);
    }
}

#[test]
fn another_suppression_is_found_out() {
    let (weights, architecture) = confident("yolov8n");
    let plain = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
    let strict = Suppression { iou: 0.1, ..Suppression::default() };
    let file = onnx(&weights, architecture, &ExportOptions { nms: Some(strict), ..options(None, Size::Any) }).unwrap();
    let claimed = Suppression::default();
    let error = parity::check_suppression(&file, &plain, (claimed, &class_map()), &images(1, 96, 96)).unwrap_err();
    assert!(matches!(error, ParityError::Suppression { .. }), "{error}");
}

fn serving(file: &[u8]) -> YoloDetector {
    let session = OrtSession::from_bytes(file, &OrtOptions::default()).unwrap();
    let spec = YoloSpec {
        name: "test".to_owned(),
        plan: vision::PreprocessPlan::yolo(96, 96),
        stride: 32,
        classes: class_map(),
        tiling: detector::AutoTiling::default(),
    };
    YoloDetector::new(Box::new(session), spec).unwrap()
}

#[test]
fn the_detector_runs_files_that_suppress() {
    let (weights, architecture) = confident("yolov8n");
    let plain = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
    let nms = Some(Suppression::default());
    let file = onnx(&weights, architecture, &ExportOptions { nms, ..options(None, Size::Any) }).unwrap();
    let values = noise(5, 96 * 96 * 3).into_iter().map(|value| ((value + 1.0) * 127.0) as u8).collect();
    let photo = vision::RgbImage::from_raw(96, 96, values).unwrap();
    let as_served = ValidationOptions { multi_label: false, class_agnostic: true, ..ValidationOptions::default() };
    let [inside, ours] = [&file, &plain]
        .map(|file| serving(file).detect_for_validation(std::slice::from_ref(&photo), &as_served).unwrap().remove(0));
    assert!(ours.len() > 5, "{}", ours.len());
    assert_eq!(inside.len(), ours.len());
    for (a, b) in inside.iter().zip(&ours) {
        assert!(a.class == b.class && (a.confidence - b.confidence).abs() < 1e-4, "{a:?} {b:?}");
    }
}

/// Root of the mean squared distance of scores, and of boxes as a fraction of the image, between the outputs of two files.
fn distance(a: &[u8], b: &[u8], images: &Array4<f32>) -> (f32, f32) {
    let [a, b] = [a, b].map(|file| {
        let session = OrtSession::from_bytes(file, &OrtOptions::default()).unwrap();
        session.run(images.view()).unwrap().swap_remove(0).array
    });
    assert_eq!(a.shape(), b.shape());
    let mean = |rows: ndarray::Slice| {
        let (a, b) = (a.slice_axis(ndarray::Axis(1), rows), b.slice_axis(ndarray::Axis(1), rows));
        (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / a.len() as f32).sqrt()
    };
    (mean((4..).into()), mean((..4).into()) / images.shape()[3] as f32)
}

#[test]
fn networks_in_int8_say_nearly_the_same_in_a_quarter_of_the_size() {
    for design in DESIGNS {
        let (weights, architecture) = confident(design);
        let file = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
        let seen = (0..4).map(|seed| {
            let values = noise(seed + 10, 3 * 96 * 96).into_iter().map(|value| (value + 1.0) / 2.0).collect();
            Array4::from_shape_vec((1, 3, 96, 96), values).unwrap()
        });
        let quantized = int8::quantize(&file, architecture.design(), seen, Calibration::MinMax).unwrap();
        // The gates of squeeze-and-excite stay as they are, and are a ninth of EfficientNet-B0.
        let max = if design.starts_with("efficientnet_b0") { 38 } else { 32 };
        assert!(quantized.len() * 100 < file.len() * max, "{design}: {} of {}", quantized.len(), file.len());
        let (scores, boxes) = distance(&file, &quantized, &images(2, 96, 96));
        println!("{design} in int8: scores differ by {scores}, boxes by {boxes} of the side");
        // An untrained EfficientNet lets errors grow from block to block: its batch norms have not met their statistics yet.
        let max = if design == "yolov8n" { (0.01, 0.001) } else { (0.4, 0.2) };
        assert!(scores < max.0 && boxes < max.1, "{design}: {scores} {boxes}");
        assert!(scores > 0.0, "{design}: nothing was rounded");
        // Three binary digits less, eight times the distance.
        for (kind, max) in [(Float16::Fp16, 5e-3), (Float16::Bf16, 4e-2)] {
            let short = to_float16(&file, kind).unwrap();
            assert!(short.len() * 100 < file.len() * 53, "{design}: {} of {}", short.len(), file.len());
            let (scores, boxes) = distance(&file, &short, &images(2, 96, 96));
            println!("{design} as {kind:?}: scores differ by {scores}, boxes by {boxes} of the side");
            assert!(scores < max && boxes < max, "{design} as {kind:?}: {scores} {boxes}");
            assert!(scores > 0.0, "{design} as {kind:?}: nothing was rounded");
        }
    }
}

#[test]
fn without_images_there_is_nothing_to_calibrate_on() {
    let (weights, architecture) = fresh("yolov8n");
    let file = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
    let error = int8::quantize(&file, architecture.design(), std::iter::empty(), Calibration::Mse).unwrap_err();
    assert!(error.to_string().contains("give at least one image"), "{error}");
}

#[test]
fn halves_are_weights_that_candle_reads_too() {
    let (weights, architecture) = fresh("yolov8n");
    let file = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fp16.onnx");
    for format in [Float16::Fp16, Float16::Bf16] {
        std::fs::write(&path, to_float16(&file, format).unwrap()).unwrap();
        for engine in [detector::EngineChoice::OnnxRuntime, detector::EngineChoice::Candle] {
            detector::load(&path, &LoadOptions { engine, ..LoadOptions::default() }).unwrap();
        }
    }
}

#[test]
fn onnxs_own_checker_has_nothing_against_them() {
    let python = std::env::var_os("SHELF_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.runtime/python/bin/python"),
        std::path::PathBuf::from,
    );
    if !python.exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no {}: run `make setup`", python.display());
        eprintln!("SKIPPED: there is no {}: run `make setup`", python.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for design in DESIGNS {
        let (weights, architecture) = fresh(design);
        let plain = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
        let nms = Some(Suppression::default());
        let suppressing = onnx(&weights, architecture, &ExportOptions { nms, ..options(None, Size::Any) }).unwrap();
        let quantized =
            int8::quantize(&suppressing, architecture.design(), std::iter::once(images(1, 64, 64)), Calibration::Mse)
                .unwrap();
        let [fp16, bf16] = [Float16::Fp16, Float16::Bf16].map(|kind| to_float16(&plain, kind).unwrap());
        let files = [("plain", plain), ("nms", suppressing), ("int8", quantized), ("fp16", fp16), ("bf16", bf16)];
        for (kind, file) in files {
            std::fs::write(folder.path().join(format!("{design}-{kind}.onnx")), file).unwrap();
        }
    }
    let script = "import glob, onnx, sys\nfor f in glob.glob(sys.argv[1] + '/*.onnx'):\n    print(f)\n    \
                  onnx.checker.check_model(onnx.load(f), full_check=True)";
    let output = Command::new(&python).args(["-c", script]).arg(folder.path()).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
    assert_eq!(said(&output.stdout).lines().count(), 5 * DESIGNS.len());
}
