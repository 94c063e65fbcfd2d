//! Weights files with and without cards, of every kind of wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use candle_nn::{VarBuilder, VarMap};
use detector::model::{Architecture, ArchitectureError, DetectorNetwork, Scale};
use detector::{
    ClassChoice, ClassMapError, EngineChoice, LoadError, LoadOptions, NetworkError, SizeError, SpecError, load,
};
use engine::{ChoiceError, EngineError, OrtOptions, Precision, Weights};
use vision::model_card::{CardError, Task};
use vision::{DetectOptions, Detector, ModelCard, PreprocessPlan, RgbImage, Sha256};

use crate::support::{YOLOV8N, noise, photo, shared_data};

fn options(engine: EngineChoice) -> LoadOptions {
    LoadOptions { engine, ..LoadOptions::default() }
}

/// As on a machine where `make setup` was not run.
fn without_ort() -> LoadOptions {
    let ort = OrtOptions { library: Some("/nowhere/libonnxruntime.so".into()), ..OrtOptions::default() };
    LoadOptions { ort, ..LoadOptions::default() }
}

/// YOLOv8n with invented weights and batch normalisation of its own.
fn invented_weights(classes: usize) -> Weights {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    DetectorNetwork::load(vb, Architecture::yolo(Scale::N, classes)).unwrap();
    let mut weights = Weights::new("invented".as_ref());
    let variables = map.data().lock().unwrap();
    for (i, (name, variable)) in variables.iter().collect::<BTreeMap<_, _>>().into_iter().enumerate() {
        let shape = variable.dims();
        let fan_in: usize = shape.iter().skip(1).product();
        let values = noise(i as u64 + 1, variable.elem_count());
        let values = values.into_iter().map(|v| match name.rsplit_once(".bn.") {
            Some((_, "running_var" | "weight")) => 1.0 + v / 2.0,
            Some(_) => v / 10.0,
            None => v * (6.0 / fan_in as f32).sqrt(),
        });
        weights.insert(name, shape, values.collect()).unwrap();
    }
    weights
}

fn card(weights: &Path, classes: &[&str]) -> ModelCard {
    ModelCard {
        name: "test-detector".to_owned(),
        architecture: "yolov8n".to_owned(),
        weights: weights.file_name().unwrap().to_str().unwrap().to_owned(),
        sha256: Sha256::of_file(weights).unwrap(),
        classes: classes.iter().map(|&name| name.to_owned()).collect(),
        license: "none".to_owned(),
        ..ModelCard::new(Task::Detector, PreprocessPlan::yolo(64, 64))
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn weights(&self, weights: &Weights) -> PathBuf {
        let path = self.0.path().join("model.safetensors");
        weights.save(&path, Precision::F32).unwrap();
        path
    }

    fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// The pattern of a file that lacks something as a detector.
macro_rules! lacks {
    ($($source:tt)+) => { LoadError::Network { source: NetworkError::$($source)+, .. } };
}

fn refused(path: &Path, options: &LoadOptions) -> LoadError {
    match load(path, options) {
        Ok(detector) => panic!("{} was loaded as {}", path.display(), detector.describe()),
        Err(error) => error,
    }
}

#[test]
fn safetensors_with_a_card_run_on_candle() {
    let folder = Folder::new();
    let path = folder.weights(&invented_weights(3));
    let mut card = card(&path, &["bottle", "can", "crate"]);
    card.class_map = BTreeMap::from([(0, "bottle".to_owned()), (1, "can".to_owned())]);
    card.write_beside(&path).unwrap();
    let detector = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!(detector.classes(), ["bottle", "can"]);
    let described = detector.describe();
    assert!(described.starts_with(&format!("test-detector@{} (candle ", card.sha256.short())), "{described}");
    let photos = [RgbImage::new(100, 80), RgbImage::new(64, 64)];
    let found =
        detector.detect(&photos, &DetectOptions { confidence: 0.0.into(), ..DetectOptions::default() }).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().flatten().all(|d| d.class.index() < 2 && d.confidence.is_finite()));
}

#[test]
fn batch_normalisation_is_folded_without_changing_the_answer() {
    let folder = Folder::new();
    let weights = invented_weights(3);
    let unfolded =
        weights.build(&Device::Cpu, |vb| DetectorNetwork::load(vb, Architecture::yolo(Scale::N, 3))).unwrap();
    let path = folder.weights(&weights);
    card(&path, &["a", "b", "c"]).write_beside(&path).unwrap();
    let detector = load(&path, &LoadOptions::default()).unwrap();

    let input = ndarray::Array4::from_shape_vec((1, 3, 64, 64), noise(9, 3 * 64 * 64)).unwrap();
    let folded = detector.session().run(input.view()).unwrap().remove(0).array;
    let tensor = candle_core::Tensor::from_slice(input.as_slice().unwrap(), (1, 3, 64, 64), &Device::Cpu).unwrap();
    let expected = unfolded.predict(&tensor).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let max = folded.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
    assert!(max < 1e-2, "outputs differ by {max}");
    let spread = expected.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    assert!(spread > 1.0, "the invented weights say nothing");
}

#[test]
fn safetensors_without_a_card_tell_what_their_shapes_tell() {
    let folder = Folder::new();
    let detector = load(&folder.weights(&invented_weights(2)), &LoadOptions::default()).unwrap();
    assert_eq!(detector.classes(), ["class 0", "class 1"]);
    assert_eq!((detector.spec().plan.width, detector.spec().stride), (640, 32));

    let mut named = invented_weights(2);
    named.metadata_mut().insert("names".to_owned(), "{0: 'bottle', 1: \"barkeeper's keg\"}".to_owned());
    named.metadata_mut().insert("imgsz".to_owned(), "[320, 416]".to_owned());
    let detector = load(&folder.weights(&named), &LoadOptions::default()).unwrap();
    assert_eq!(detector.classes(), ["bottle", "barkeeper's keg"]);
    assert_eq!((detector.spec().plan.width, detector.spec().plan.height), (416, 320));
}

#[test]
fn cards_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let path = folder.weights(&invented_weights(2));
    let good = card(&path, &["a", "b"]);
    let try_card = |change: &dyn Fn(&mut ModelCard)| {
        let mut card = good.clone();
        change(&mut card);
        card.write_beside(&path).unwrap();
        refused(&path, &LoadOptions::default())
    };
    let error = try_card(&|c| c.sha256 = Sha256::of(b"other"));
    assert!(matches!(&error, LoadError::Card(CardError::Digest { .. })), "{error}");
    assert!(error.to_string().contains("shelf models import"), "{error}");
    let error = try_card(&|c| c.task = Task::Embedder);
    assert!(matches!(&error, LoadError::Task { found, .. } if found == "embedder"), "{error}");
    let error = try_card(&|c| c.classes.push("c".to_owned()));
    assert!(matches!(error, lacks!(CardClasses { card: 3, found: 2 })), "{error}");
    let error = try_card(&|c| c.classes.clear());
    assert!(matches!(&error, lacks!(NoClasses { card: Some(_) })), "{error}");
    let error = try_card(&|c| c.architecture = "yolov8m".to_owned());
    assert!(error.to_string().contains("says yolov8m, but its weights are yolov8n"), "{error}");
    assert!(matches!(error, LoadError::CardArchitecture { .. }));
    let error = try_card(&|c| c.architecture = "efficientnet_lite0".to_owned());
    assert!(error.to_string().contains("says efficientnet_lite0-yolov8n, but"), "{error}");
    let error = try_card(&|c| c.preprocess.width = 100);
    let expected = SizeError::Stride { side: "width", plan: 100, stride: 32 };
    assert!(matches!(&error, lacks!(Spec(SpecError::Size(size))) if *size == expected), "{error}");
}

#[test]
fn class_maps_of_the_caller_must_fit() {
    let folder = Folder::new();
    let path = folder.weights(&invented_weights(2));
    let map = BTreeMap::from([(2, "x".to_owned())]);
    let error = refused(&path, &LoadOptions { classes: ClassChoice::Map(map), ..LoadOptions::default() });
    let expected = ClassMapError::Output { output: 2, outputs: 2 };
    assert!(matches!(&error, lacks!(ClassMap(source)) if *source == expected), "{error}");
}

#[test]
fn broken_weights_are_refused() {
    let folder = Folder::new();
    let weights = invented_weights(2);
    let whole = fs::read(folder.weights(&weights)).unwrap();
    let engine = |path: &Path| {
        let error = refused(path, &LoadOptions::default());
        assert!(matches!(error, LoadError::Engine(_)), "{error:?}");
        error.to_string()
    };
    for (name, bytes) in [
        ("empty.safetensors", &b""[..]),
        ("cut.safetensors", &whole[..whole.len() / 2]),
        ("text.safetensors", b"these are no weights"),
        ("empty.onnx", b""),
        ("text.onnx", b"these are no weights"),
    ] {
        let message = engine(&folder.bytes(name, bytes));
        assert!(message.contains(name), "{message}");
    }
    engine(&folder.0.path().join("missing.onnx"));

    let error = refused(&folder.bytes("model.pt", &whole), &LoadOptions::default());
    assert!(matches!(error, LoadError::Choice(ChoiceError::Format { .. })), "{error}");
    let error = refused(&folder.bytes("model.safetensors", &whole), &options(EngineChoice::OnnxRuntime));
    assert!(matches!(error, LoadError::Choice(ChoiceError::NeedsCandle { .. })), "{error}");
}

#[test]
fn weights_of_other_networks_are_refused() {
    let folder = Folder::new();
    let with = |change: &dyn Fn(&mut Weights)| {
        let mut weights = invented_weights(2);
        change(&mut weights);
        refused(&folder.weights(&weights), &LoadOptions::default())
    };
    let error = with(&|w| *w = w.renamed(|name| (!name.starts_with("model.0.")).then(|| name.to_owned())).unwrap());
    let expected = ArchitectureError::Missing { name: "model.0.conv.weight" };
    assert!(matches!(&error, lacks!(Architecture(source)) if *source == expected), "{error}");
    let error = with(&|w| w.insert("model.12.cv1.conv.weight", &[1, 1, 1, 1], vec![0.0]).unwrap());
    assert!(error.to_string().contains("model.12.cv1.conv.weight"), "{error}");
    let error =
        with(&|w| *w = w.renamed(|name| (!name.starts_with("model.9.cv2.bn.")).then(|| name.to_owned())).unwrap());
    assert!(
        matches!(&error, LoadError::Engine(EngineError::Tensor { name, .. }) if name.starts_with("model.9.cv2.")),
        "{error}"
    );
    let error = with(&|w| w.insert("model.22.cv4.0.0.conv.weight", &[1], vec![0.0]).unwrap());
    assert!(matches!(&error, lacks!(Foreign { name }) if name == "model.22.cv4.0.0.conv.weight"), "{error}");
    let error = with(&|w| w.insert("model.0.bn.weight", &[16], vec![f32::NAN; 16]).unwrap());
    assert!(matches!(error, LoadError::Engine(EngineError::Load { .. })), "{error}");
    let error = with(&|w| drop(w.metadata_mut().insert("task".to_owned(), "segment".to_owned())));
    assert!(matches!(&error, LoadError::Task { found, .. } if found == "segment"), "{error}");
    let error = with(&|w| drop(w.metadata_mut().insert("names".to_owned(), "{0: exit()}".to_owned())));
    assert!(matches!(error, lacks!(Metadata(_))), "{error}");
    let error = with(&|w| drop(w.metadata_mut().insert("names".to_owned(), "{0: 'only one'}".to_owned())));
    assert!(matches!(error, lacks!(Spec(SpecError::Output { classes: 1, .. }))), "{error}");
}

#[test]
fn ultralytics_exports_say_themselves_what_they_are() {
    let Some(root) = shared_data() else { return };
    let path = root.join(YOLOV8N);
    let detector = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!(detector.classes(), ["bottle", "glass"], "of COCO's classes the containers are kept");
    let digest = Sha256::of_file(&path).unwrap().short();
    let described = detector.describe();
    assert!(described.starts_with(&format!("yolov8n_coco_dequant_fp32@{digest} (ONNX Runtime ")), "{described}");

    let with = |classes| load(&path, &LoadOptions { classes, ..LoadOptions::default() }).unwrap();
    let all = with(ClassChoice::All);
    assert_eq!((all.classes().len(), all.classes()[39].as_str()), (80, "bottle"));
    let vases = with(ClassChoice::Map(BTreeMap::from([(75, "vase".to_owned())])));
    assert_eq!(vases.classes(), ["vase"]);
}

#[test]
fn candle_takes_over_where_onnx_runtime_is_missing() {
    let Some(root) = shared_data() else { return };
    let detector = load(&root.join(YOLOV8N), &without_ort()).unwrap();
    assert_eq!(detector.session().info().engine, "candle");
    assert_eq!(detector.classes(), ["bottle", "glass"]);
    let image = photo(&root.join("coco128-parity/images/val2017/000000000632.jpg"));
    let found = detector.detect(&[image], &DetectOptions::default()).unwrap().remove(0);
    assert!(found.iter().any(|d| d.class.0 == 0), "there is a bottle in the image: {found:?}");

    let error = refused(&root.join(YOLOV8N), &LoadOptions { engine: EngineChoice::OnnxRuntime, ..without_ort() });
    assert!(matches!(error, LoadError::Engine(EngineError::RuntimeMissing { .. })), "{error}");
    assert!(error.to_string().contains("make setup"), "{error}");
}

#[test]
fn what_candle_cannot_run_names_both_causes() {
    let Some(root) = shared_data() else { return };
    let quantised = root.join("weights/yolov8n-coco/yolov8n_dynq_int8_lamri.onnx");
    let error = refused(&quantised, &without_ort());
    assert!(matches!(error, LoadError::Choice(ChoiceError::NoEngine { .. })), "{error}");
    let message = error.to_string();
    assert!(message.contains("make setup") && message.contains("model.0.conv.weight"), "{message}");
    assert!(load(&quantised, &LoadOptions::default()).is_ok(), "ONNX Runtime runs it");
}

#[test]
fn onnx_files_that_are_no_detectors_are_refused() {
    let Some(root) = shared_data() else { return };
    let embedder = root.join("weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx");
    let error = refused(&embedder, &LoadOptions::default());
    assert!(matches!(error, lacks!(NoClasses { card: None })), "{error}");

    let folder = Folder::new();
    let path = folder.bytes("model.onnx", &fs::read(&embedder).unwrap());
    let mut embedder_card = card(&path, &["a"]);
    embedder_card.preprocess = PreprocessPlan::yolo(224, 224);
    embedder_card.write_beside(&path).unwrap();
    let error = refused(&path, &LoadOptions::default());
    assert!(matches!(error, lacks!(Spec(_)) | LoadError::Engine(_)), "{error}");

    let whole = fs::read(root.join(YOLOV8N)).unwrap();
    let cut = folder.bytes("cut.onnx", &whole[..whole.len() / 2]);
    for engine in [EngineChoice::OnnxRuntime, EngineChoice::Candle] {
        let error = refused(&cut, &options(engine));
        assert!(matches!(error, LoadError::Engine(_)), "{error:?}");
    }

    let path = folder.bytes("detector.onnx", &whole);
    let mut wrong_size = card(&path, &["a"; 80]);
    wrong_size.preprocess = PreprocessPlan::yolo(320, 640);
    wrong_size.write_beside(&path).unwrap();
    let error = refused(&path, &LoadOptions::default());
    let expected = SizeError::Fixed { side: "width", network: 640, plan: 320 };
    assert!(matches!(&error, lacks!(Spec(SpecError::Size(size))) if *size == expected), "{error}");
    card(&path, &["a"; 79]).write_beside(&path).unwrap();
    let mut classes = card(&path, &["a"; 79]);
    classes.preprocess = PreprocessPlan::yolo(640, 640);
    classes.write_beside(&path).unwrap();
    let error = refused(&path, &LoadOptions::default());
    assert!(matches!(error, lacks!(Spec(SpecError::Output { classes: 79, .. }))), "{error}");
}
