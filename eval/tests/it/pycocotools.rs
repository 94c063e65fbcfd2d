//! Equality with pycocotools, which really runs here.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use eval::evaluate::detection::DetectionSettings;
use eval::{Bootstrap, DetectionSet, evaluate_detection, match_all, summarize};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    CocoPair, annotation, dense_shelves, image, nasty, reference_python, reference_script, result, shared_data,
};

/// Wanted by the product; what is reached is a rounding error.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Reference {
    metrics: BTreeMap<String, Option<f64>>,
    classes: Vec<BTreeMap<String, Option<f64>>>,
}

fn reference(pair: &CocoPair, max_detections: usize) -> Option<Reference> {
    let python = reference_python()?;
    let folder = tempfile::tempdir().unwrap();
    let (truth, results) = (folder.path().join("truth.json"), folder.path().join("results.json"));
    fs::write(&truth, pair.truth.to_string()).unwrap();
    fs::write(&results, pair.results.to_string()).unwrap();
    let mut command = Command::new(python);
    let output = command.arg(reference_script()).args([&truth, &results]).arg(max_detections.to_string()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn check(name: &str, pair: &CocoPair, max_detections: usize) {
    let Some(reference) = reference(pair, max_detections) else { return };
    let set = pair.read();
    let settings = DetectionSettings {
        max_detections,
        bootstrap: Bootstrap { resamples: 0, seed: 0 },
        ..DetectionSettings::default()
    };
    let section = evaluate_detection(&set, &settings, &[]);
    let summary = summarize(&match_all(&set, max_detections), None);
    let mut ours = section.metrics.values.clone();
    for (at, size) in ["small", "medium", "large"].into_iter().enumerate() {
        ours.insert(format!("average_recall_{size}"), summary.average_recall_by_size[at]);
    }
    println!("{name}: {} images, {} predictions", set.images().len(), set.predictions().len());
    for (metric, theirs) in &reference.metrics {
        equal(&format!("{name},{metric}"), ours[metric], *theirs);
    }
    assert_eq!(reference.classes.len(), section.classes.len());
    for (line, theirs) in section.classes.iter().zip(&reference.classes) {
        equal(&format!("{name},AP50 of {}", line.class), line.ap50, theirs["ap50"]);
        equal(&format!("{name},AP50-95 of {}", line.class), line.ap50_95, theirs["ap50_95"]);
    }
}

fn equal(what: &str, ours: Option<f64>, theirs: Option<f64>) {
    match (ours, theirs) {
        (None, None) => {}
        (Some(a), Some(b)) => {
            assert!((a - b).abs() <= TOLERANCE, "{what}: {a} here, {b} there");
            // `docs/results/pycocotools_equality.csv` is made of these lines.
            println!("equality,{what},{a:.9},{b:.9}");
        }
        _ => panic!("{what}: {ours:?} here, {theirs:?} there"),
    }
}

#[test]
fn a_dense_shelf_is_as_pycocotools_says() {
    let pair = dense_shelves(1, 25);
    let set: DetectionSet = pair.read();
    let boxes = set.truths().iter().filter(|t| t.image == 0).count();
    assert!(boxes > 100, "{boxes} boxes are no dense shelf");
    check("dense", &pair, 300);
    // The limit must bite to be tested.
    check("dense at most 20", &pair, 20);
}

#[test]
fn a_nasty_set_is_as_pycocotools_says() {
    for seed in 0..12 {
        check(&format!("nasty {seed}"), &nasty(seed), 300);
        check(&format!("nasty {seed} at most 7"), &nasty(seed), 7);
    }
}

#[test]
fn a_nasty_set_without_crowds_is_as_both_definitions_say() {
    for seed in 100..106 {
        let mut pair = nasty(seed);
        for entry in pair.truth["annotations"].as_array_mut().unwrap() {
            entry["iscrowd"] = json!(0);
        }
        check(&format!("nasty without crowds {seed}"), &pair, 300);
    }
}

#[test]
fn single_boxes_are_as_pycocotools_says() {
    let cases: [(&str, [f64; 4], [f64; 4]); 4] = [
        ("exact", [10.0, 10.0, 50.0, 80.0], [10.0, 10.0, 50.0, 80.0]),
        ("half", [0.0, 0.0, 100.0, 100.0], [0.0, 0.0, 100.0, 50.0]),
        ("third", [0.1, 0.1, 3.3, 3.3], [0.1, 1.2, 3.3, 3.3]),
        ("nothing", [10.0, 10.0, 50.0, 80.0], [200.0, 10.0, 50.0, 80.0]),
    ];
    for (name, truth, found) in cases {
        let far = result(1, 1, [300.0, 300.0, 10.0, 10.0], 0.1);
        let pair = CocoPair::new(
            &[image(1, 640, 480)],
            &[(1, "bottle")],
            &[annotation(1, 1, 1, truth)],
            vec![result(1, 1, found, 0.5), far],
        );
        check(name, &pair, 300);
    }
}

/// YOLOv8n on the COCO parity images: predictions are a fixture (the script beside it made them), truth is read from the
/// labels.
#[test]
fn yolov8n_on_coco_is_as_pycocotools_says() {
    let Some(data) = shared_data("coco128-parity") else { return };
    let fixture = include_str!("../fixtures/coco128_yolov8n.json");
    let found: BTreeMap<String, Vec<[f64; 6]>> = serde_json::from_str(fixture).unwrap();
    assert_eq!(found.len(), 128);
    let (mut images, mut annotations, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for (id, (name, boxes)) in (1..).zip(&found) {
        let path = data.join("images/val2017").join(name);
        let (width, height) = image::image_dimensions(&path).unwrap();
        images.push(image(id, width, height));
        let labels = data.join("labels/val2017").join(name).with_extension("txt");
        for line in fs::read_to_string(labels).unwrap_or_default().lines() {
            let n: Vec<f64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
            let (w, h) = (n[3] * f64::from(width), n[4] * f64::from(height));
            let b = [n[1] * f64::from(width) - w / 2.0, n[2] * f64::from(height) - h / 2.0, w, h];
            annotations.push(annotation(annotations.len() + 1, id, n[0] as i64, b));
        }
        results.extend(boxes.iter().map(|b| result(id, b[5] as i64, [b[0], b[1], b[2], b[3]], b[4])));
    }
    assert_eq!(annotations.len(), 898);
    let categories: Vec<(i64, &str)> = (0..80).map(|id| (id, "thing")).collect();
    let pair = CocoPair::new(&images, &categories, &annotations, results);
    check("coco128 yolov8n", &pair, 300);
    check("coco128 yolov8n at most 100", &pair, 100);

    let set = pair.read();
    let map = summarize(&match_all(&set, 300), None).map50.unwrap();
    // .598 with confidence .001; the fixture stops at .05 and loses the tail.
    assert!((0.54..0.60).contains(&map), "mAP50 is {map}");
}

/// What pycocotools gets wrong about id 0, so that nobody "fixes" us into it.
#[test]
fn a_true_box_with_id_0_can_be_found() {
    let pair = CocoPair::new(
        &[image(0, 640, 480)],
        &[(0, "bottle")],
        &[annotation(0, 0, 0, [10.0, 10.0, 50.0, 80.0])],
        vec![result(0, 0, [10.0, 10.0, 50.0, 80.0], 0.9)],
    );
    assert_eq!(summarize(&match_all(&pair.read(), 300), None).map50, Some(1.0));
    let _: &Value = &pair.truth;
}
