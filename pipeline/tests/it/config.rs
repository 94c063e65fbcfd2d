//! `pipeline.yaml`: the shipped one is sound, and every mistake is named.

use std::path::Path;

use pipeline::PipelineConfig;
use pipeline::config::Overrides;
use vision::{Confidences, Tiling};

fn parse(text: &str) -> Result<PipelineConfig, String> {
    PipelineConfig::parse(text, Path::new("pipeline.yaml"), &Overrides::default()).map_err(|e| e.to_string())
}

fn with(section: &str) -> String {
    let mut text = String::new();
    for (name, required) in [("detector", "model: d.onnx"), ("embedder", "model: e.onnx"), ("gallery", "path: g")] {
        let more = section.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or_default();
        text += &format!("{name}: {{{required}, {more}}}\n");
    }
    if !["detector", "embedder", "gallery"].iter().any(|name| section.starts_with(name)) {
        text += section;
    }
    text
}

#[test]
fn the_shipped_file_is_sound_and_states_the_defaults_but_for_what_suits_our_detector() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/pipeline.yaml");
    let shipped = PipelineConfig::read(&path, &Overrides::default()).expect("it parses");
    let required = "detector: {model: models/detector/shelf-v3-fp16.onnx, confidence: 0.45, iou: 0.5}\n\
                 embedder: {model: models/classifier/shelf-v3-fp16.onnx}\ngallery: {path: data/gallery}\n";
    assert_eq!(shipped, parse(required).expect("keys may be left out"));
    assert_eq!((shipped.options.detect.tiling, shipped.options.detect.max_tiles), (Tiling::Auto, 16));
}

#[test]
fn the_environment_wins_over_the_file() {
    let overrides = Overrides { detector_model: Some("other.onnx".into()), ..Overrides::default() };
    let config = PipelineConfig::parse(&with(""), Path::new("p.yaml"), &overrides).expect("it parses");
    assert_eq!(config.detector_model, Path::new("other.onnx"));
    assert_eq!(config.embedder_model, Path::new("e.onnx"));
}

#[test]
fn classes_have_confidences_of_their_own() {
    let confidence = |keys: &str| parse(&with(keys)).expect(keys).options.detect.confidence;
    assert_eq!(confidence("detector: confidence: 0.5"), Confidences::uniform(0.5));
    let own = confidence("detector: confidence: 0.5, class_confidence: {can: 0.70, \"wine glass\": 0}");
    assert_eq!((own.of("bottle"), own.of("can"), own.of("wine glass")), (0.5, 0.7, 0.0));
}

#[test]
fn mistakes_are_named() {
    let check = |section: &str, expected: &[&str]| {
        let error = parse(&with(section)).expect_err(section);
        for part in ["pipeline.yaml"].iter().chain(expected) {
            assert!(error.contains(part), "{section:?} should mention {part:?}, but gave: {error}");
        }
    };
    check("detector: confidenc: 0.3", &["confidenc"]);
    check("detector: confidence: 1.5", &["detector.confidence", "1.5"]);
    check("detector: confidence: .nan", &["detector.confidence"]);
    check("detector: class_confidence: {can: 1.5}", &["detector.class_confidence", "1.5", "within 0 and 1"]);
    check("detector: class_confidence: {can: .nan}", &["detector.class_confidence"]);
    check("detector: class_confidence: {can: sure}", &["class_confidence"]);
    check("detector: max_detections: 0", &["detector.max_detections"]);
    check("detector: tiles: 9x9", &["detector.tiles", "9x9"]);
    check("detector: max_tiles: 0", &["detector.max_tiles", "1 and 256"]);
    check("gallery: threshold: -0.1", &["gallery.threshold"]);
    check("gallery: sku_thresholds: {cola: 1.5}", &["gallery.sku_thresholds", "1.5"]);
    check("gallery: index: hnsw", &["hnsw"]);
    check("engine: {name: tensorflow}", &["tensorflow"]);
    check("engine: {sessions: 1000}", &["engine.sessions"]);
    check("limits: {max_mib: 0}", &["limits.max_mib"]);
    assert!(parse("detector: [").is_err() && parse("").is_err());
    assert!(
        PipelineConfig::read(Path::new("nowhere.yaml"), &Overrides::default())
            .is_err_and(|e| e.to_string().contains("nowhere.yaml"))
    );
}
