//! The reference detections of YOLOv8n, by both engines from the same file.
//!
//! `golden_detections.json` of the shared data was made with ONNX Runtime 1.x on a CPU and OpenCV: letterbox 640, class-aware
//! NMS at IoU .7, confidence .25, best class per anchor. Its folder's PROVENANCE.md tells more.

use std::path::Path;
use std::sync::OnceLock;

use detector::{ClassChoice, EngineChoice, LoadOptions, ValidationOptions, YoloDetector, load};
use serde_json::Value;
use vision::preprocess::Region;
use vision::{BBox, Detection};

use crate::support::{YOLOV8N, photo, shared_data};

const MIN_IOU: f32 = 0.98;
const MAX_CONFIDENCE_DIFFERENCE: f32 = 0.01;
/// Two engines sum in different orders. Boxes are in pixels of a 640-pixel canvas, scores in `0..=1`.
const MAX_PIXELS_BETWEEN_ENGINES: f32 = 0.05;
const MAX_SCORE_BETWEEN_ENGINES: f32 = 1e-4;

const REFERENCE: ValidationOptions = ValidationOptions {
    confidence: 0.25,
    iou: 0.7,
    max_detections: 300,
    multi_label: false,
    class_agnostic: false,
    square: true,
};

fn detector(root: &Path, engine: EngineChoice) -> YoloDetector {
    let options = LoadOptions { engine, classes: ClassChoice::All, ..LoadOptions::default() };
    load(&root.join(YOLOV8N), &options).expect("the reference network loads")
}

#[test]
fn onnx_runtime_finds_every_reference_detection() {
    check_engine(EngineChoice::OnnxRuntime, "ONNX Runtime");
}

#[test]
fn candle_finds_every_reference_detection_from_the_same_file() {
    check_engine(EngineChoice::Candle, "candle");
}

fn check_engine(engine: EngineChoice, name: &str) {
    let Some(root) = shared_data() else { return };
    let detector = detector(&root, engine);
    assert_eq!(detector.session().info().engine, name);
    let golden = golden(&root);
    assert!(golden.len() >= 8, "the reference has images");
    // A reference detection just above the threshold may come out just below it.
    let options = ValidationOptions { confidence: REFERENCE.confidence - MAX_CONFIDENCE_DIFFERENCE, ..REFERENCE };
    let (mut checked, mut max) = (0, 0.0_f32);
    for (path, expected) in golden {
        let found = detector.detect_for_validation(&[photo(&root.join(path))], &options).unwrap().remove(0);
        max = max.max(compare(name, path, expected, &found));
        checked += expected.len();
    }
    assert!(checked > 100, "only {checked} reference detections");
    println!("{name}: {checked} reference detections, confidences differ by at most {max:.5}");
}

/// Every reference detection has its counterpart, and nothing clearly above the threshold was found besides. Answers with
/// the largest difference in confidence.
fn compare(engine: &str, path: &str, expected: &[Detection], found: &[Detection]) -> f32 {
    let difference = |a: &Detection, b: &Detection| (a.confidence - b.confidence).abs();
    let matches = |a: &Detection, b: &Detection| {
        a.class == b.class && a.bbox.iou(&b.bbox) >= MIN_IOU && difference(a, b) <= MAX_CONFIDENCE_DIFFERENCE
    };
    let mut max = 0.0_f32;
    for reference in expected {
        let closest = found
            .iter()
            .filter(|detection| matches(detection, reference))
            .min_by(|a, b| difference(a, reference).total_cmp(&difference(b, reference)));
        let Some(closest) = closest else {
            let nearest =
                found.iter().max_by(|a, b| a.bbox.iou(&reference.bbox).total_cmp(&b.bbox.iou(&reference.bbox)));
            panic!("{engine} misses {reference:?} in {path}; nearest is {nearest:?}");
        };
        max = max.max(difference(closest, reference));
    }
    for detection in found.iter().filter(|d| d.confidence > REFERENCE.confidence + MAX_CONFIDENCE_DIFFERENCE) {
        assert!(expected.iter().any(|r| matches(detection, r)), "{engine} finds {detection:?} in {path} besides");
    }
    max
}

#[test]
fn both_engines_answer_the_same_numbers() {
    let Some(root) = shared_data() else { return };
    let [ort, candle] = [EngineChoice::OnnxRuntime, EngineChoice::Candle].map(|engine| detector(&root, engine));
    let image = photo(&root.join("coco128-parity/images/val2017/000000000632.jpg"));
    let mut input = ndarray::Array4::zeros((1, 3, 640, 640));
    ort.spec().plan.apply(&image, Region::whole(&image), input.index_axis_mut(ndarray::Axis(0), 0));
    let [a, b] = [&ort, &candle].map(|detector| detector.session().run(input.view()).unwrap().remove(0).array);
    assert_eq!((a.shape(), b.shape()), (&[1, 84, 8400][..], &[1, 84, 8400][..]));
    let max = |channels: std::ops::Range<usize>| {
        let part = |array: &ndarray::ArrayD<f32>| {
            array.slice_axis(ndarray::Axis(1), channels.clone().into()).iter().copied().collect::<Vec<_>>()
        };
        part(&a).into_iter().zip(part(&b)).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max)
    };
    let (pixels, score) = (max(0..4), max(4..84));
    println!("largest difference between the engines: {pixels:.6} px, {score:.8} in scores");
    assert!(pixels <= MAX_PIXELS_BETWEEN_ENGINES, "{pixels} px");
    assert!(score <= MAX_SCORE_BETWEEN_ENGINES, "{score}");
}

fn golden(root: &Path) -> &'static [(String, Vec<Detection>)] {
    static GOLDEN: OnceLock<Vec<(String, Vec<Detection>)>> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        let text = std::fs::read(root.join("weights/yolov8n-coco/golden_detections.json")).unwrap();
        let json: Value = serde_json::from_slice(&text).unwrap();
        let number = |v: &Value| v.as_f64().unwrap() as f32;
        let detection = |v: &Value| Detection {
            bbox: BBox::new(number(&v[0]), number(&v[1]), number(&v[2]), number(&v[3])),
            confidence: number(&v[4]),
            class: vision::ClassId(v[5].as_u64().unwrap() as u16),
        };
        let detections = |v: &Value| v["detections"].as_array().unwrap().iter().map(detection).collect();
        json["images"].as_object().unwrap().iter().map(|(path, v)| (path.clone(), detections(v))).collect()
    })
}
