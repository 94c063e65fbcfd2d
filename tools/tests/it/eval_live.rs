//! `shelf eval` with real models on real images.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::shelf::{Workplace, data, stderr, stdout};

fn run(place: &Workplace, arguments: &[&str], code: i32) -> String {
    let output = place.shelf(arguments);
    let text = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

fn read(place: &Workplace, name: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path(name)).expect("it was written")).expect("JSON")
}

/// Runs a command that judges by gates; its exit code must be what the gates in `output` say, whichever that is.
fn judged(place: &Workplace, arguments: &[&str], output: &str) -> (String, Value) {
    let run = place.shelf(arguments);
    let text = stdout(&run) + &stderr(&run);
    let report = read(place, output);
    let gates = report["gates"].as_array().expect("gates");
    let failed = gates.iter().any(|gate| gate["passed"] == false);
    assert_eq!((report["verdict"] == "failed", run.status.code()), (failed, Some(i32::from(failed))), "{text}");
    assert!(!gates.is_empty(), "something is judged: {text}");
    (text, report)
}

fn metric(report: &Value, name: &str) -> f64 {
    report["metrics"][name].as_f64().unwrap_or_else(|| panic!("{name} is missing: {}", report["metrics"]))
}

/// A Python with pycocotools; CI must have it.
fn python(script: &Path) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.runtime/python/bin/python");
    let candidates = std::env::var_os("SHELF_PYTHON").map(PathBuf::from).into_iter().chain([own, "python3".into()]);
    let works = |python: &PathBuf| {
        Command::new(python).arg(script).arg("--check").output().is_ok_and(|output| output.status.success())
    };
    let found = candidates.into_iter().find(works);
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI must have pycocotools: run `make setup`");
    found
}

/// The whole way of an image through the command, judged by pycocotools: whatever is wrong with classes, boxes, order or
/// sums shows.
#[test]
fn a_detector_on_coco_is_as_pycocotools_says() {
    let (Some(place), Some(coco)) = (Workplace::new(), data("coco128-parity")) else { return };
    let coco = coco.display().to_string();
    let arguments = ["eval", "detector", "--data", &coco, "--part", "val", "--all-classes", "--protocol", "coco"];
    let more = ["--resamples", "0", "--save-coco", "coco", "--json", "out.json"];
    let text = run(&place, &[&arguments[..], &more[..]].concat(), 1);
    assert!(text.contains("128 images, 898 true boxes"), "{text}");
    let report = read(&place, "out.json");
    // Published for these weights on these images by other software: .598 and .435.
    assert!((metric(&report, "map50") - 0.598).abs() < 0.003, "{}", metric(&report, "map50"));
    assert!((metric(&report, "map50_95") - 0.435).abs() < 0.003, "{}", metric(&report, "map50_95"));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../eval/tests/pycocotools_reference.py");
    let Some(python) = python(&script) else {
        eprintln!("SKIPPED: no Python with pycocotools; run `make setup` or set SHELF_PYTHON");
        return;
    };
    let files = [place.path("coco/truth.json"), place.path("coco/results.json")];
    let output = Command::new(python).arg(script).args(&files).arg("300").output().expect("it runs");
    assert!(output.status.success(), "{}", stderr(&output));
    let reference: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let theirs: BTreeMap<String, Option<f64>> = serde_json::from_value(reference["metrics"].clone()).expect("metrics");
    for name in
        ["map50", "map50_95", "map75", "map50_small", "average_recall", "ultralytics_map50", "ultralytics_map50_95"]
    {
        let (ours, theirs) = (metric(&report, name), theirs[name].expect("a number"));
        assert!((ours - theirs).abs() < 1e-6, "{name}: {ours} here, {theirs} there");
    }
    // The saved files say the same again, without the model.
    let saved = ["--ground-truth", "coco/truth.json", "--predictions", "coco/results.json"];
    run(&place, &[&["eval", "detector", "--resamples", "0", "--json", "again.json"], &saved[..]].concat(), 1);
    assert_eq!(read(&place, "again.json")["metrics"], report["metrics"]);
}

#[test]
fn shelf_scenes_are_counted() {
    let (Some(place), Some(scenes)) = (Workplace::new(), data("shelf-scenes/dev")) else { return };
    let skus = scenes.join("cola-aisle-hk/gallery");
    run(&place, &["gallery", "build", &skus.display().to_string()], 0);
    let scenes = scenes.display().to_string();
    let arguments = ["eval", "shelf-counts", "--pipeline-config", "pipeline.yaml", "--test-dir", &scenes];
    let more = ["--output", "results.json", "--report", "report", "--resamples", "100"];
    let (text, report) = judged(&place, &[&arguments[..], &more[..]].concat(), "results.json");
    // 8 of the 14 SKUs on the two photos are enrolled.
    assert!(text.contains("6 of 14 SKUs on the images are not enrolled"), "{text}");
    assert_eq!(report["detection"]["true_boxes"], 129);
    // Found are so many of the 129 boxes; COCO's classes hold 72 of them.
    let found = metric(&report, "recall") * 129.0;
    assert!((found - found.round()).abs() < 1e-3 && found > 52.0, "{found} boxes found");
    assert!(metric(&report, "top1") > 0.95, "eight SKUs, cut from the photo itself: {}", metric(&report, "top1"));
    // A facing that is missed is missing in the counts, too.
    let html = fs::read_to_string(place.path("report/report.html")).expect("written");
    let short = html.contains("Counts are short because facings are missed");
    assert!(html.contains("data:image/jpeg;base64,") && (short || metric(&report, "recall") > 0.9), "advice");

    // Answers of `recognize`, evaluated later against counts, come to the same.
    let photo = format!("{scenes}/cola-aisle-hk/scene.jpg");
    let output = place.shelf(&["recognize", &photo, "--json"]);
    fs::write(place.path("answers.jsonl"), &output.stdout).expect("writable");
    let counts: Value =
        serde_json::from_slice(&fs::read(format!("{scenes}/cola-aisle-hk/expected_counts.json")).expect("counts"))
            .expect("JSON");
    fs::write(place.path("truth.json"), serde_json::json!({"scene.jpg": counts}).to_string()).expect("writable");
    let saved = ["--ground-truth", "truth.json", "--predictions", "answers.jsonl", "--output", "saved.json"];
    let (_, saved) = judged(&place, &[&["eval", "shelf-counts"], &saved[..]].concat(), "saved.json");
    let single = format!("{scenes}/cola-aisle-hk");
    let live = ["eval", "shelf-counts", "--test-dir", &single, "--output", "live.json"];
    let (_, live) = judged(&place, &live, "live.json");
    assert_eq!(metric(&saved, "count_mae"), metric(&live, "count_mae"));
}

#[test]
fn damage_is_measured_and_seeded() {
    let (Some(place), Some(scene)) = (Workplace::new(), data("shelf-scenes/dev/coke-shelf-small")) else { return };
    let scene = scene.display().to_string();
    let classes = "bottle,can,glass,unknown_container";
    for name in ["a.json", "b.json"] {
        let arguments = ["eval", "detector", "--data", &scene, "--classes", classes, "--robustness", "--json", name];
        let text = run(&place, &[&arguments[..], &["--resamples", "0", "--no-gate"]].concat(), 0);
        assert!(text.contains("robustness") && text.contains("occlusion"), "{text}");
    }
    let (a, b) = (read(&place, "a.json"), read(&place, "b.json"));
    assert_eq!(a["robustness"], b["robustness"], "the same seed, the same damage");
    let lines = a["robustness"].as_array().expect("lines");
    let names: Vec<&str> = lines.iter().map(|l| l["distortion"].as_str().expect("a name")).collect();
    assert_eq!(names, ["blur", "jpeg30", "dark", "glare", "noise", "occlusion", "downscale"]);
    let lost = lines.iter().filter(|l| l["metrics"][1]["change"].as_f64().expect("a number") < 0.0).count();
    assert!(lost >= 4, "most damage costs mAP: {lines:?}");
}

#[test]
fn crops_are_identified_and_unknown_ones_told() {
    let (Some(place), Some(crops)) = (Workplace::new(), data("mductran-beverage-skus/dev/crops")) else { return };
    let copy = |sku: &str, to: &str, range: std::ops::Range<usize>| {
        let mut files: Vec<_> =
            fs::read_dir(crops.join(sku)).expect("listed").map(|e| e.expect("entry").path()).collect();
        files.sort();
        let folder = place.path(to).join(sku);
        fs::create_dir_all(&folder).expect("writable");
        for file in &files[range] {
            fs::copy(file, folder.join(file.file_name().expect("named"))).expect("copied");
        }
    };
    for sku in ["7up", "aquafina", "cafe", "fuzetea"] {
        copy(sku, "enrol", 0..6);
        copy(sku, "query", 10..18);
    }
    copy("soda", "unknown", 0..8);
    let arguments = ["eval", "classifier", "--enrol", "enrol", "--query", "query", "--unknown", "unknown"];
    let more = ["--exemplars", "3", "--no-gate", "--json", "live.json", "--save-predictions", "look-ups.json"];
    let text = run(&place, &[&arguments[..], &more[..]].concat(), 0);
    assert!(text.contains("32 of 4 enrolled SKUs, 8 unknown"), "{text}");
    let live = read(&place, "live.json");
    assert!(metric(&live, "top1") > 0.5, "four SKUs by three images each: {}", metric(&live, "top1"));
    assert!(metric(&live, "top5") >= 1.0 && metric(&live, "auroc") > 0.5);
    // Saved look-ups say the same; other draws of exemplars need not.
    run(&place, &["eval", "classifier", "--predictions", "look-ups.json", "--no-gate", "--json", "saved.json"], 0);
    assert_eq!(read(&place, "saved.json")["metrics"], live["metrics"]);

    // Images that are enrolled find themselves: they are left out, and said.
    copy("7up", "query", 0..6);
    let text = run(&place, &["eval", "classifier", "--enrol", "enrol", "--query", "query", "--no-gate"], 0);
    assert!(text.contains("6 looked-up images are also enrolled"), "{text}");
    copy("lavie", "query", 0..1);
    let text = run(&place, &["eval", "classifier", "--enrol", "enrol", "--query", "query"], 2);
    assert!(text.contains("lavie, which is not enrolled"), "{text}");
}
