//! Model cards: what is written is read, what is wrong is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::tempdir;
use vision::crop::CropRule;
use vision::model_card::{CardError, DataSet, MAX_CARD_BYTES, Task};
use vision::{FacingHeight, ModelCard, PreprocessPlan, Sha256};

const WEIGHTS: &[u8] = b"weights of a network";

fn card() -> ModelCard {
    ModelCard {
        name: "bottles".to_owned(),
        task: Task::Detector,
        architecture: "yolov8n".to_owned(),
        weights: "bottles.onnx".to_owned(),
        sha256: Sha256::of(WEIGHTS),
        preprocess: PreprocessPlan::yolo(640, 480),
        classes: vec!["bottle".to_owned(), "cup".to_owned()],
        class_map: BTreeMap::from([(1, "glass".to_owned())]),
        facing_height: Some(FacingHeight { min: 24.0, best: 60.0, max: 240.0 }),
        embedding_output: None,
        background: None,
        embedding_dim: None,
        crop: Some(CropRule { margin: 0.05 }),
        metrics: BTreeMap::from([("map50".to_owned(), 0.598)]),
        data: vec![DataSet { name: "shelf".to_owned(), sha256: None, license: "MIT".to_owned() }],
        license: "Apache-2.0".to_owned(),
        limits: "not for jars".to_owned(),
    }
}

/// Reads a card after `change` was made to its JSON.
fn read_changed(change: impl FnOnce(&mut Value)) -> Result<ModelCard, CardError> {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("bottles.card.json");
    let mut value = serde_json::to_value(card()).expect("plain data");
    change(&mut value);
    fs::write(&path, value.to_string()).expect("a file");
    ModelCard::read(&path)
}

#[test]
fn what_is_written_is_read() {
    let folder = tempdir().unwrap();
    let weights = folder.path().join("bottles.onnx");
    fs::write(&weights, WEIGHTS).unwrap();
    assert_eq!(ModelCard::read_beside(&weights).unwrap(), None);
    let path = card().write_beside(&weights).unwrap();
    assert_eq!(path, folder.path().join("bottles.card.json"));
    assert_eq!(ModelCard::read_beside(&weights).unwrap(), Some(card()));
    // Nothing else is left in the folder, and writing again replaces.
    card().write_beside(&weights).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn weights_that_were_changed_are_refused() {
    let folder = tempdir().unwrap();
    let weights = folder.path().join("bottles.onnx");
    fs::write(&weights, &WEIGHTS[..5]).unwrap();
    card().write_beside(&weights).unwrap();
    let error = ModelCard::read_beside(&weights).unwrap_err();
    assert!(matches!(error, CardError::Digest { .. }));
    let text = error.to_string();
    for part in [
        "bottles.onnx",
        "bottles.card.json",
        &Sha256::of(WEIGHTS).to_string(),
        &Sha256::of(&WEIGHTS[..5]).to_string(),
        "shelf models import",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    fs::remove_file(&weights).unwrap();
    assert!(matches!(ModelCard::read_beside(&weights).unwrap_err(), CardError::Io { path, .. } if path == weights));
}

#[test]
fn weights_must_lie_beside_the_card() {
    for path in ["../x", "/etc/passwd", "a/b.onnx", "./x", "..", ".", "", "x/"] {
        let error = read_changed(|card| card["weights"] = json!(path)).unwrap_err();
        assert!(matches!(&error, CardError::WeightsPath { weights, .. } if weights == path), "{path:?}: {error}");
        assert!(error.to_string().contains("must be plain file names beside the card"), "{error}");
    }
}

#[test]
fn mistakes_are_named() {
    type Change = fn(&mut Value);
    let cases: &[(Change, &[&str])] = &[
        (|c| c["colour"] = json!("red"), &["unknown field `colour`", "bottles.card.json"]),
        (|c| c["preprocess"]["padding"] = json!(1), &["unknown field `padding`"]),
        (
            |c| {
                c.as_object_mut().unwrap().remove("license");
            },
            &["missing field `license`"],
        ),
        (|c| c["task"] = json!("oracle"), &["unknown variant `oracle`", "detector"]),
        (|c| c["sha256"] = json!("123"), &["\"123\" is not a SHA-256 digest"]),
        (|c| c["preprocess"]["width"] = json!(0), &["`preprocess`", "0x480", "1..=4096"]),
        (|c| c["preprocess"]["std"] = json!([0.0, 1.0, 1.0]), &["`std` must hold finite numbers above zero"]),
        (|c| c["crop"]["margin"] = json!(-0.5), &["`crop.margin` must lie within 0 and 1"]),
        (|c| c["class_map"] = json!({"7": "jar"}), &["`class_map.7` names an output that `classes` does not have"]),
        (|c| c["embedding_dim"] = json!(0), &["`embedding_dim` must be at least 1"]),
        (|c| *c = json!([1, 2]), &["is not a model card"]),
    ];
    for (change, parts) in cases {
        let text = read_changed(change).unwrap_err().to_string();
        for part in *parts {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }
}

#[test]
fn a_card_that_could_not_be_read_back_is_not_written() {
    let folder = tempdir().unwrap();
    let weights = folder.path().join("bottles.onnx");
    let mut card = card();
    card.metrics.insert("recall".to_owned(), f64::NAN);
    let error = card.write_beside(&weights).unwrap_err().to_string();
    assert!(error.contains("`metrics.recall` is not a finite number"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn files_that_are_no_cards() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("x.card.json");
    assert!(matches!(ModelCard::read(&path).unwrap_err(), CardError::Io { .. }));
    for bytes in [&b""[..], b"{", b"\xff\xfe", b"null"] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(ModelCard::read(&path).unwrap_err(), CardError::Json { .. }), "{bytes:?}");
    }
    fs::write(&path, vec![b' '; MAX_CARD_BYTES as usize + 1]).unwrap();
    let error = ModelCard::read(&path).unwrap_err();
    assert!(matches!(error, CardError::TooLarge { .. }));
    assert!(error.to_string().contains("not a model card"), "{error}");
    let nowhere = folder.path().join("missing/x.onnx");
    assert!(matches!(card().write_beside(&nowhere).unwrap_err(), CardError::Io { .. }));
    assert_eq!(ModelCard::path_for(Path::new("a/yolov8n.onnx")), Path::new("a/yolov8n.card.json"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_card_comes_back(
        name in ".*", width in 1..=4096_u32, mean in prop::array::uniform3(-300.0..300.0_f32),
        std in prop::array::uniform3(0.001..300.0_f32), metric in 0..=100_000_u32, limits in "\\PC*",
    ) {
        let mut changed = card();
        changed.name = name.clone();
        changed.limits = limits;
        changed.preprocess = PreprocessPlan { width, mean, std, ..PreprocessPlan::yolo(1, 1) };
        changed.metrics.insert(name, f64::from(metric) / 1e5);
        let folder = tempdir().unwrap();
        let path = changed.write_beside(&folder.path().join("bottles.onnx")).unwrap();
        prop_assert_eq!(ModelCard::read(&path).unwrap(), changed);
    }
}
