//! Files written for other tools: they say what the network says, and ONNX's own checker has nothing against them.

use std::path::Path;
use std::process::Command;

use detector::export::parity::{self, ParityError};
use detector::export::{ExportOptions, Size, onnx};
use detector::model::fold::fold_all;
use detector::model::{Architecture, YoloV8};
use engine::train::Parameters;
use engine::{CandleSession, Device, InputShape, OrtOptions, OrtSession, Session, Weights};
use ndarray::Array4;

use crate::support::noise;

const DESIGNS: [&str; 3] = ["yolov8n", "efficientnet_lite0-yolov8n", "efficientnet_b0-yolov8n"];

/// A network with weights as training starts with.
fn fresh(design: &str) -> (Weights, Architecture) {
    let architecture = Architecture::of(design.parse().unwrap(), 4);
    let parameters = Parameters::new(7, None, &Device::cpu());
    YoloV8::load(parameters.builder(), architecture).unwrap();
    let ema = engine::train::Ema::new(&parameters.all(), 0.0, 1.0).unwrap();
    (ema.weights(Path::new("fresh.safetensors")).unwrap(), architecture)
}

fn native(weights: &Weights, architecture: Architecture) -> CandleSession {
    let device = Device::cpu();
    let folded = fold_all(weights, architecture.backbone).unwrap();
    let network = folded.build(&device, |vb| YoloV8::load(vb, architecture)).unwrap();
    let input = InputShape { batch: None, channels: 3, height: None, width: None };
    CandleSession::new(Box::new(network), input, std::collections::BTreeMap::new(), &device)
}

fn pictures(batch: usize, height: usize, width: usize) -> Array4<f32> {
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
    }
}

#[test]
fn files_say_what_the_network_says() {
    for design in DESIGNS {
        let (weights, architecture) = fresh(design);
        let network = native(&weights, architecture);
        let any = onnx(&weights, architecture, &options(None, Size::Any)).unwrap();
        for (batch, height, width) in [(1, 64, 64), (2, 96, 160)] {
            let found = parity::check(&any, &network, &pictures(batch, height, width))
                .unwrap_or_else(|error| panic!("{design} at {height}x{width}: {error}"));
            println!("{design} {height}x{width}: {found:?}");
        }
        let fixed = onnx(&weights, architecture, &options(Some(1), Size::Fixed { height: 96, width: 64 })).unwrap();
        parity::check(&fixed, &network, &pictures(1, 96, 64)).unwrap_or_else(|error| panic!("{design}: {error}"));
    }
}

#[test]
fn another_networks_file_is_found_out() {
    let (weights, architecture) = fresh("yolov8n");
    let mut other = weights.clone();
    let bias = other.shape("model.22.cv3.0.2.bias").unwrap().to_vec();
    other.insert("model.22.cv3.0.2.bias", &bias, vec![0.0; 4]).unwrap();
    let file = onnx(&other, architecture, &options(None, Size::Any)).unwrap();
    let error = parity::check(&file, &native(&weights, architecture), &pictures(1, 64, 64)).unwrap_err();
    assert!(matches!(error, ParityError::Differs { .. }), "{error}");
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
        let path = folder.path().join(format!("{design}.onnx"));
        std::fs::write(&path, onnx(&weights, architecture, &options(None, Size::Any)).unwrap()).unwrap();
        let script = "import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)";
        let output = Command::new(&python).args(["-c", script]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{design}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
