//! The main job on real input: a gallery is built, a shelf photo recognised, the answer compared with what stands there.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use vision::{BBox, DecodeLimits};

use crate::shelf::{Workplace, data, stderr, stdout};

/// Boxes of one class of a YOLO label file, in pixels.
fn labelled(text: &str, class: &str, width: f32, height: f32) -> Vec<BBox> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            (fields.next()? == class).then_some(())?;
            let v: Vec<f32> = fields.map(|f| f.parse().expect("a number")).collect();
            Some(BBox::from_center(v[0] * width, v[1] * height, v[2] * width, v[3] * height))
        })
        .collect()
}

fn boxes(answer: &Value, class: &str) -> Vec<BBox> {
    let detections = answer["detections"].as_array().expect("detections");
    let side = |d: &Value, name: &str| d["box"][name].as_f64().expect("a number") as f32;
    detections
        .iter()
        .filter(|d| d["class"] == class)
        .map(|d| BBox::new(side(d, "x1"), side(d, "y1"), side(d, "x2"), side(d, "y2")))
        .collect()
}

/// Labels that a box of their own overlaps by IoU 0.5; every box is used once.
fn matched(labels: &[BBox], mut found: Vec<BBox>) -> usize {
    labels
        .iter()
        .filter(|label| {
            let best = (0..found.len()).max_by(|&a, &b| label.iou(&found[a]).total_cmp(&label.iou(&found[b])));
            best.filter(|&at| label.iou(&found[at]) >= 0.5).map(|at| found.swap_remove(at)).is_some()
        })
        .count()
}

#[test]
fn a_real_aisle_is_recognised_and_counted() {
    let (Some(place), Some(aisle)) = (Workplace::new(), data("shelf-scenes/dev/cola-aisle-hk")) else { return };
    let skus = aisle.join("gallery");
    let built = place.shelf(&["gallery", "build", skus.to_str().expect("a path")]);
    assert!(built.status.success(), "{}", stderr(&built));
    assert!(stdout(&built).contains("8 SKUs"), "{}", stdout(&built));

    let scene = aisle.join("scene.jpg");
    let output = place.shelf(&["recognize", scene.to_str().expect("a path"), "--output", "annotated.jpg", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");

    let labels = fs::read_to_string(aisle.join("scene.txt")).expect("labels");
    let bottles = labelled(&labels, "0", 1280.0, 960.0);
    assert_eq!(bottles.len(), 43);
    let found = matched(&bottles, boxes(&answer, "bottle"));
    assert!(found >= 41, "{found} of 43 bottles found");

    // Counts and facings say the same, and most bottles are identified as what they are. The gallery is cut from this very
    // photo, so this shows that the parts fit together, not how well unseen SKUs are told apart.
    let expected: BTreeMap<String, u64> =
        serde_json::from_slice(&fs::read(aisle.join("expected_counts.json")).expect("counts")).expect("JSON");
    let counts: BTreeMap<String, u64> = answer["counts"]
        .as_array()
        .expect("counts")
        .iter()
        .map(|c| (c["sku"]["code"].as_str().expect("a code").to_owned(), c["count"].as_u64().expect("a number")))
        .collect();
    let detections = answer["detections"].as_array().expect("detections").len() as u64;
    assert_eq!(counts.values().sum::<u64>() + answer["unknown_count"].as_u64().expect("a number"), detections);
    for sku in ["fanta_pet", "cream_soda_pet", "cocacola_pet", "sprite_pet"] {
        let (is, should) = (counts.get(sku).copied().unwrap_or(0), expected[sku]);
        assert!(is.abs_diff(should) <= 1 + should / 10, "{sku}: counted {is}, there are {should}");
    }

    let annotated = fs::read(place.path("annotated.jpg")).expect("the annotated picture was written");
    let picture = vision::decode(&annotated, &DecodeLimits::default()).expect("it is a picture");
    assert!(picture.width() >= 1280 && picture.height() >= 960);
}

#[test]
fn galleries_are_changed_and_listed() {
    let (Some(place), Some(skus)) = (Workplace::new(), data("mductran-beverage-skus/dev/crops")) else { return };
    let small = place.path("skus");
    for sku in ["7up", "aquafina"] {
        fs::create_dir_all(small.join(sku)).expect("writable");
        let mut files: Vec<_> =
            fs::read_dir(skus.join(sku)).expect("listed").map(|e| e.expect("entry").path()).collect();
        files.sort();
        for file in &files[..3] {
            fs::copy(file, small.join(sku).join(file.file_name().expect("named"))).expect("copied");
        }
    }
    let run = |arguments: &[&str]| {
        let output = place.shelf(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    run(&["gallery", "build", "skus"]);
    assert!(run(&["gallery", "list"]).contains("2 SKUs, 6 exemplars"));
    let cafe = skus.join("cafe");
    run(&["gallery", "add", "--sku", "cafe", cafe.to_str().expect("a path")]);
    assert!(run(&["gallery", "list"]).contains("cafe"));
    assert!(run(&["gallery", "inspect"]).contains("twin"));
    run(&["gallery", "remove", "--sku", "7up"]);
    let list = run(&["gallery", "list", "--exemplars"]);
    assert!(!list.contains("7up") && list.contains("aquafina"), "{list}");
}

#[test]
fn a_detector_is_imported_into_the_native_layout_and_finds_as_much() {
    let (Some(place), Some(aisle)) = (Workplace::new(), data("shelf-scenes/dev/cola-aisle-hk")) else { return };
    let onnx = data("weights/yolov8n-coco/yolov8n_coco_dequant_fp32.onnx").expect("checked above");
    let output = place.shelf(&[
        "models",
        "import",
        onnx.to_str().expect("a path"),
        "--output",
        "native.safetensors",
        "--license",
        "AGPL-3.0",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let inspected = stdout(&place.shelf(&["models", "inspect", "native.safetensors"]));
    assert!(inspected.contains("yolov8n, 80 classes"), "{inspected}");

    // The native network takes any size, so photos are not padded to a square: boxes differ in detail, what is found must not.
    let labels = fs::read_to_string(aisle.join("scene.txt")).expect("labels");
    let bottles = labelled(&labels, "0", 1280.0, 960.0);
    let scene = aisle.join("scene.jpg");
    let output = place
        .command(&["recognize", scene.to_str().expect("a path"), "--json"])
        .env("AI_V2_DETECTOR_MODEL", "native.safetensors")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", stderr(&output));
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert!(
        answer["release"]["detector"].as_str().is_some_and(|name| name.contains("candle")),
        "{}",
        answer["release"]
    );
    let found = matched(&bottles, boxes(&answer, "bottle"));
    assert!(found >= 41, "{found} of 43 bottles found");
}
