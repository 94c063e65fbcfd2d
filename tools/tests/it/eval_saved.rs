//! `shelf eval` and `shelf calibrate` over saved predictions: metrics, exit codes, files. No model is needed.

use std::fs;

use serde_json::{Value, json};

use crate::shelf::{Workplace, stderr, stdout};

/// Runs `shelf`; the exit code must be `code`. Returns what was printed on both streams.
fn run(place: &Workplace, arguments: &[&str], code: i32) -> String {
    let output = place.shelf(arguments);
    let text = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    text
}

fn write(place: &Workplace, name: &str, content: &Value) {
    fs::write(place.path(name), content.to_string()).expect("writable");
}

fn read(place: &Workplace, name: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path(name)).expect("it was written")).expect("JSON")
}

/// Ten images with a bottle and a can each, in COCO's form, and results for the first `found` bottles and all cans.
fn coco(place: &Workplace, results: &str, found: i64) {
    let images: Vec<Value> =
        (1..=10).map(|id| json!({"id": id, "file_name": format!("{id}.jpg"), "width": 640, "height": 480})).collect();
    let bottle = [100.0, 50.0, 80.0, 200.0];
    let can = [300.0, 50.0, 60.0, 120.0];
    let annotation = |(id, image, category, b): (i64, i64, i64, [f64; 4])| json!({"id": id, "image_id": image, "category_id": category, "bbox": b, "area": b[2] * b[3], "iscrowd": 0});
    let annotations: Vec<Value> =
        (1..=10).flat_map(|i| [annotation((i, i, 1, bottle)), annotation((i + 100, i, 2, can))]).collect();
    let categories = json!([{"id": 1, "name": "bottle"}, {"id": 2, "name": "can"}]);
    write(place, "truth.json", &json!({"images": images, "annotations": annotations, "categories": categories}));
    let result = |image: i64, category: i64, b: [f64; 4]| json!({"image_id": image, "category_id": category, "bbox": b, "score": 0.9});
    let bottles = (1..=found).map(|i| result(i, 1, bottle));
    let list: Vec<Value> = bottles.chain((1..=10).map(|i| result(i, 2, can))).collect();
    write(place, results, &Value::Array(list));
}

const COCO: [&str; 6] = ["eval", "detector", "--ground-truth", "truth.json", "--predictions", "results.json"];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

#[test]
fn gates_decide_the_exit_code() {
    let place = Workplace::empty();
    coco(&place, "results.json", 10);
    let text = run(&place, &with(&COCO, &["--json", "a.json", "--report", "report"]), 0);
    assert!(text.contains("pass  recall") && text.contains("PASSED: every gate judged here"), "{text}");
    let report = read(&place, "a.json");
    // By the other definition nothing reaches 1: its curve ends at precision 0.
    assert_eq!(report["metrics"]["ultralytics_map50"], json!(0.995));
    for metric in ["map50", "map50_95", "recall", "precision"] {
        assert_eq!(report["metrics"][metric], json!(1.0), "{metric}");
    }
    assert_eq!(report["data"].as_str().map(str::len), Some(64));
    assert_eq!(report, read(&place, "report/report.json"));
    let html = fs::read_to_string(place.path("report/report.html")).expect("written");
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    assert!(fs::read_to_string(place.path("report/report.csv")).expect("written").contains("all,,map50,1,1,1,"));
    let mut left: Vec<_> =
        fs::read_dir(place.path("report")).expect("listed").map(|e| e.expect("entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["report.csv", "report.html", "report.json"]);

    // Half of the bottles are missed: recall 15 of 20, AP50 of bottles 51 of 101 recall points.
    coco(&place, "results.json", 5);
    let text = run(&place, &with(&COCO, &["--json", "b.json", "--compare", "a.json"]), 1);
    assert!(text.contains("FAIL  recall") && text.trim_end().ends_with("FAILED"), "{text}");
    assert!(text.contains("-0.2500 worse"), "{text}");
    let metrics = read(&place, "b.json")["metrics"].clone();
    assert_eq!(metrics["recall"], json!(0.75));
    let map50 = metrics["map50"].as_f64().expect("a number");
    assert!((map50 - f64::midpoint(51.0 / 101.0, 1.0)).abs() < 1e-12, "{map50}");
    let text = run(&place, &with(&COCO, &["--no-gate"]), 0);
    assert!(text.contains("FAILED"), "{text}");
    // A gate that is asked for and not measured is not passed.
    coco(&place, "results.json", 10);
    let text = run(&place, &with(&COCO, &["--require", "top1"]), 1);
    assert!(text.contains("FAIL  top1") && text.contains("not measured"), "{text}");
    // Bounds come from the configuration.
    let place = Workplace::empty();
    coco(&place, "results.json", 5);
    fs::write(
        place.path("pipeline.yaml"),
        "detector: {model: a.onnx}\nembedder: {model: b.onnx}\ngallery: {path: g}\ntargets: {recall_min: 0.7, map50_min: 0.7, top1_accuracy_min: 0.9, count_mae_max: 0.3}\n",
    )
    .expect("writable");
    run(&place, &COCO, 0);
}

#[test]
fn confidences_for_a_precision_do_what_they_promise() {
    let place = Workplace::empty();
    coco(&place, "results.json", 10);
    // Every can is found at .8, and five that are none at .6.
    let mut results = read(&place, "results.json").as_array().expect("a list").clone();
    for result in results.iter_mut().filter(|r| r["category_id"] == 2) {
        result["score"] = json!(0.8);
    }
    let invented = |i: i64| json!({"image_id": i, "category_id": 2, "bbox": [500.0, 50.0, 60.0, 120.0], "score": 0.6});
    results.extend((1..=5).map(invented));
    write(&place, "results.json", &Value::Array(results));

    let text = run(&place, &with(&COCO, &["--precision", "0.95", "--json", "a.json", "--report", "report"]), 0);
    assert!(
        text.contains("can                            0.8000  precision 1.0000  recall 1.0000 of 10 true boxes"),
        "{text}"
    );
    let line = "class_confidence: {\"bottle\": 0.9, \"can\": 0.8}";
    assert!(text.contains(line), "{text}");
    let report = read(&place, "a.json");
    assert_eq!(report["detection"]["precision_goal"]["classes"][1]["reached"]["confidence"], json!(0.8));
    assert_eq!(report["metrics"]["precision"], json!(0.8), "what is served stays as it was");
    assert!(
        fs::read_to_string(place.path("report/report.html"))
            .expect("written")
            .contains("Confidence for precision 0.95")
    );

    let config = format!("detector:\n  model: a.onnx\n  {line}\nembedder: {{model: b.onnx}}\ngallery: {{path: g}}\n");
    fs::write(place.path("pipeline.yaml"), config).expect("writable");
    let text = run(&place, &with(&COCO, &["--json", "b.json"]), 0);
    assert!(text.contains("confidence 0.25 (bottle 0.9, can 0.8)"), "{text}");
    let report = read(&place, "b.json");
    assert_eq!((&report["metrics"]["precision"], &report["metrics"]["recall"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(report["detection"]["class_confidence"], json!({"bottle": 0.9, "can": 0.8}));
    // A confidence on the command line holds for every class.
    run(&place, &with(&COCO, &["--json", "c.json", "--conf", "0.5"]), 0);
    assert_eq!(read(&place, "c.json")["metrics"]["precision"], json!(0.8));
    // Counted are the cans from .8 on; the category is the SKU here.
    let counts = ["eval", "shelf-counts", "--ground-truth", "truth.json", "--predictions", "results.json"];
    run(&place, &with(&counts, &["--json", "d.json"]), 0);
    assert_eq!(read(&place, "d.json")["metrics"]["count_mae"], json!(0.0));
    assert!(run(&place, &with(&counts, &["--json", "d.json", "--conf", "0.5"]), 0).contains("count_mae"));
    assert_eq!(read(&place, "d.json")["metrics"]["count_mae"], json!(0.25));

    let text = run(&place, &with(&COCO, &["--precision", "1.5"]), 2);
    assert!(text.contains("it must be a number from 0 to 1"), "{text}");
}

#[test]
fn slices_lie_beside_the_truth() {
    let place = Workplace::empty();
    coco(&place, "results.json", 5);
    let rows: String = (1..=10).map(|i| format!("{i}.jpg,{}\n", if i <= 5 { "north" } else { "south" })).collect();
    fs::write(place.path("by_store.csv"), format!("image,store\n{rows}")).expect("writable");
    run(&place, &with(&COCO, &["--slices", "by_store.csv", "--json", "a.json", "--no-gate"]), 0);
    let recall = |value: &str| {
        let report = read(&place, "a.json");
        let slices = report["detection"]["slices"].as_array().expect("slices").clone();
        let slice = slices.into_iter().find(|s| s["column"] == "store" && s["value"] == value).expect("the slice");
        slice["metrics"]["recall"].as_f64().expect("a number")
    };
    assert_eq!((recall("north"), recall("south")), (1.0, 0.5));
    fs::rename(place.path("by_store.csv"), place.path("slices.csv")).expect("renamed");
    assert!(run(&place, &with(&COCO, &["--no-gate"]), 0).contains("store = south"));
}

#[test]
fn counts_of_every_form() {
    let place = Workplace::empty();
    let counts = |arguments: &[&str], code: i32| {
        let all = [&["eval_shelf_counts", "--ground-truth", "truth.json", "--output", "out.json"], arguments].concat();
        let text = run(&place, &all, code);
        (text, read(&place, "out.json")["metrics"]["count_mae"].as_f64().expect("a number"))
    };
    // Short form. cola: |3-3| and |2-1|, mean .5; fanta: |4-4|, mean 0; so .25.
    write(&place, "truth.json", &json!({"a.jpg": {"cola": 3, "fanta": 4}, "b.jpg": {"cola": 2}}));
    write(&place, "found.json", &json!({"a.jpg": {"cola": 3, "fanta": 4}, "b.jpg": {"cola": 1}}));
    assert_eq!(counts(&["--predictions", "found.json"], 0).1, 0.25);
    // Nothing for an image is zero, and said.
    write(&place, "found.json", &json!({"a.jpg": {"cola": 3, "fanta": 4}}));
    let (text, mae) = counts(&["--predictions", "found.json"], 1);
    assert_eq!(mae, 0.5);
    assert!(text.contains("nothing was predicted for 1 of 2 images (first: b.jpg)"), "{text}");

    // The full form with boxes: detection and identification are measured too.
    let facing = |x: f64, sku: &str| json!({"box": [x, 10.0, x + 50.0, 200.0], "class": "can", "sku": sku});
    let full = |facings: &[Value]| json!({"format": "shelf-counts", "version": 1, "images": [{"image": "a.jpg", "width": 640, "height": 480, "facings": facings}]});
    write(&place, "truth.json", &full(&[facing(0.0, "cola"), facing(100.0, "cola"), facing(200.0, "fanta")]));
    write(&place, "found.json", &full(&[facing(0.0, "cola"), facing(100.0, "fanta"), facing(200.0, "fanta")]));
    assert_eq!(counts(&["--predictions", "found.json"], 1).1, 1.0);
    let metrics = read(&place, "out.json")["metrics"].clone();
    assert_eq!((&metrics["recall"], &metrics["map50"]), (&json!(1.0), &json!(1.0)));
    assert!((metrics["top1"].as_f64().expect("a number") - 2.0 / 3.0).abs() < 1e-12);

    // This server's answers, one a line, found by file name.
    let answer = json!({
        "file": "photos/a.jpg", "request_id": "1", "image": {"width": 640, "height": 480},
        "detections": [
            {"id": 0, "box": {"x1": 0, "y1": 10, "x2": 50, "y2": 200}, "class": "can", "confidence": 0.9,
             "sku": {"id": 1, "code": "cola", "name": "Cola"}, "candidates": [{"sku": {"code": "cola"}, "similarity": 0.9}]}
        ],
        "counts": [{"sku": {"code": "cola"}, "count": 1}], "unknown_count": 0
    });
    fs::write(place.path("answers.jsonl"), format!("{answer}\n")).expect("writable");
    let (_, mae) = counts(&["--predictions", "answers.jsonl"], 1);
    assert_eq!(mae, 1.0);

    // COCO results, cut at the serving confidence.
    coco(&place, "results.json", 10);
    let (_, mae) = counts(&["--predictions", "results.json"], 0);
    assert_eq!(mae, 0.0);
    assert_eq!(counts(&["--predictions", "results.json", "--conf", "0.95"], 1).1, 1.0);
}

/// Look-ups of two SKUs: `cola` rightly at .8 and above, one `fanta` as cola; unknown crops look like cola at .5.
fn look_ups(place: &Workplace) {
    let crop = |image: String, truth: Option<&str>, candidates: &[(&str, f64)]| {
        let candidates: Vec<Value> = candidates.iter().map(|(sku, s)| json!({"sku": sku, "similarity": s})).collect();
        json!({"image": image, "truth": truth, "candidates": candidates})
    };
    let mut queries = Vec::new();
    for i in 0..20 {
        let similarity = 0.8 + f64::from(i) * 0.005;
        queries.push(crop(format!("cola{i}.jpg"), Some("cola"), &[("cola", similarity), ("fanta", 0.3)]));
        queries.push(crop(format!("other{i}.jpg"), None, &[("cola", 0.45 + f64::from(i) * 0.002)]));
    }
    queries.push(crop("fanta.jpg".to_owned(), Some("fanta"), &[("cola", 0.6), ("fanta", 0.55)]));
    let file =
        json!({"format": "shelf-identifications", "version": 1, "enrolled": ["cola", "fanta"], "queries": queries});
    write(place, "look-ups.json", &file);
}

#[test]
fn identification_and_its_thresholds() {
    let place = Workplace::empty();
    look_ups(&place);
    let text = run(&place, &["eval", "classifier", "--predictions", "look-ups.json", "--json", "a.json"], 0);
    assert!(text.contains("pass  top1"), "{text}");
    let metrics = read(&place, "a.json")["metrics"].clone();
    assert!((metrics["top1"].as_f64().expect("a number") - 20.0 / 21.0).abs() < 1e-12);
    assert_eq!(metrics["auroc"], json!(1.0));

    let config = "# ours\ndetector: {model: a.onnx}\nembedder: {model: b.onnx}\ngallery:\n  path: g\n  threshold: 0.40 # by hand\n";
    fs::write(place.path("pipeline.yaml"), config).expect("writable");
    let calibrate = ["calibrate", "--predictions", "look-ups.json", "--far", "0.05", "--min-impostors", "20"];
    let text = run(&place, &with(&calibrate, &["--json", "c.json", "--report", "report"]), 0);
    assert_eq!(read(&place, "report/calibration.json"), read(&place, "c.json"));
    let page = fs::read_to_string(place.path("report/calibration.html")).expect("it was written");
    assert!(page.contains("<td>cola</td>") && page.contains("now 0.4000") && page.contains("</html>"));
    assert!(text.contains("now in force") && text.contains("one for all"), "{text}");
    assert_eq!(fs::read_to_string(place.path("pipeline.yaml")).expect("there"), config, "nothing is written unasked");

    run(&place, &with(&calibrate, &["--write"]), 0);
    let edited = fs::read_to_string(place.path("pipeline.yaml")).expect("there");
    let trade = read(&place, "c.json")["trades"]["global"].clone();
    let threshold = trade["threshold"].as_f64().expect("a number");
    assert!(trade["false_accept_rate"].as_f64().expect("a number") <= 0.05, "{trade}");
    assert!(
        edited.starts_with("# ours\n") && edited.contains(&format!("  threshold: {threshold} # by hand\n")),
        "{edited}"
    );
    assert!(edited.contains("    \"cola\": 0."), "{edited}");
    // What was written is what is in force now, and does what was promised.
    let text = run(&place, &with(&calibrate, &["--json", "d.json"]), 0);
    for metric in ["false_accept_rate", "identified", "rejected"] {
        let of = |file: &str, which: &str| read(&place, file)["trades"][which][metric].clone();
        assert_eq!(of("d.json", "before"), of("c.json", "together"), "{metric}: {text}");
    }
    // Flow style cannot be edited by line: said, and nothing is changed.
    let flow = "detector: {model: a.onnx}\nembedder: {model: b.onnx}\ngallery: {path: g}\n";
    fs::write(place.path("pipeline.yaml"), flow).expect("writable");
    assert!(run(&place, &with(&calibrate, &["--write"]), 2).contains("pipeline.yaml cannot be edited"));
    assert_eq!(fs::read_to_string(place.path("pipeline.yaml")).expect("there"), flow);
}
