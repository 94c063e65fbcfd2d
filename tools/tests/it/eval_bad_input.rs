//! What cannot be evaluated: exit code 2, the file and the place in it named, and nothing half-written.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::shelf::{Workplace, stderr, stdout};

/// Must end with 2, name all of `expected`, and write neither JSON nor report.
fn refused(place: &Workplace, arguments: &[&str], expected: &[&str]) {
    let all = [arguments, &["--json", "out.json"]].concat();
    let output = place.shelf(&all);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}{}", stdout(&output));
    assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    for part in expected {
        assert!(text.contains(part), "{arguments:?} should mention {part:?}, but said: {text}");
    }
    for entry in fs::read_dir(place.folder.path()).expect("listed") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(
            !name.starts_with("out") && !name.contains("partial") && !name.contains("report"),
            "{name} was left behind"
        );
    }
}

fn truth() -> Value {
    json!({
        "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, {"id": 2, "file_name": "b.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "bottle"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [300, 200, 50, 100], "area": 5000, "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [400, 200, 50, 100], "area": 5000, "iscrowd": 0}
        ]
    })
}

fn results() -> Value {
    json!([{"image_id": 1, "category_id": 1, "bbox": [300, 200, 50, 100], "score": 0.9}])
}

const COCO: [&str; 8] =
    ["eval", "detector", "--ground-truth", "truth.json", "--predictions", "results.json", "--report", "report"];

/// One thing changed in truth or results.
fn coco(change: impl Fn(&mut Value, &mut Value), expected: &[&str]) {
    let place = Workplace::empty();
    let (mut truth, mut results) = (truth(), results());
    change(&mut truth, &mut results);
    fs::write(place.path("truth.json"), truth.to_string()).expect("writable");
    fs::write(place.path("results.json"), results.to_string()).expect("writable");
    refused(&place, &COCO, expected);
}

#[test]
fn coco_files_with_mistakes() {
    coco(|_, r| r[0]["image_id"] = json!(77), &["results.json: [0].image_id", "image 77 is not in the ground truth"]);
    coco(|_, r| r[0]["category_id"] = json!(9), &["results.json: [0].category_id", "category 9"]);
    coco(|t, _| t["annotations"][1]["image_id"] = json!(5), &["truth.json: annotations[1].image_id", "image 5"]);
    coco(|_, r| r[0]["bbox"] = json!([300, 200, -50, 100]), &["results.json: [0].bbox", "negative width"]);
    coco(|_, r| r[0]["bbox"] = json!([300, 200, null, 100]), &["results.json:1:", "null"]);
    coco(|_, r| r[0]["bbox"] = json!([350, 250, 620, 470]), &["results.json", "would fit as x1, y1, x2, y2"]);
    coco(|_, r| r[0]["bbox"] = json!([0.5, 0.4, 0.1, 0.2]), &["results.json", "normalised"]);
    coco(|t, _| t["images"][1]["id"] = json!(1), &["truth.json: images[1].id", "image id 1 occurs twice"]);
    coco(|t, _| t["annotations"][1]["id"] = json!(1), &["truth.json: annotations[1].id", "annotation id 1"]);
    coco(|t, _| t["annotations"] = json!([]), &["truth.json", "no annotations"]);
    coco(|t, _| t["images"] = json!([]), &["truth.json", "no images"]);
    coco(|_, r| *r = json!([]), &["results.json", "no results"]);
    coco(|_, r| *r = truth(), &["results.json", "this looks like COCO ground truth, expected COCO results"]);
    coco(|t, _| *t = results(), &["truth.json", "this looks like COCO results, expected COCO ground truth"]);
}

#[test]
fn files_that_cannot_be_read() {
    let place = Workplace::empty();
    fs::write(place.path("truth.json"), truth().to_string()).expect("writable");
    refused(&place, &COCO, &["results.json", "No such file"]);
    fs::write(place.path("results.json"), "[{\"image_id\": 1, \"category_id\": 1,\n \"bbox\": [NaN, 1, 2, 3]")
        .expect("writable");
    refused(&place, &COCO, &["results.json:2:", "expected"]);
    fs::remove_file(place.path("results.json")).expect("removed");
    fs::create_dir(place.path("results.json")).expect("writable");
    refused(&place, &COCO, &["results.json", "directory"]);
    fs::remove_dir(place.path("results.json")).expect("removed");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("results.json", place.path("results.json")).expect("linked");
        refused(&place, &COCO, &["results.json", "symbolic links"]);
    }
}

#[test]
fn places_that_cannot_be_written() {
    let place = Workplace::empty();
    fs::write(place.path("truth.json"), truth().to_string()).expect("writable");
    fs::write(place.path("results.json"), results().to_string()).expect("writable");
    let check = |more: &[&str], expected: &[&str]| {
        let output = place.shelf(&[&COCO[..6], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", stdout(&output));
        expected.iter().for_each(|part| assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output)));
    };
    check(&["--json", "nowhere/out.json"], &["nowhere", "not there"]);
    check(&["--json", "."], &["folder"]);
    check(&["--report", "truth.json"], &["--report truth.json", "folder"]);
    check(&["--compare", "truth.json"], &["truth.json"]);
    check(&["--compare", "missing.json"], &["missing.json"]);
    fs::write(place.path("s.csv"), "file,store\na.jpg,x\n").expect("writable");
    check(&["--slices", "s.csv"], &["s.csv", "first column", "image"]);
    fs::write(place.path("s.csv"), "image,store\na.jpg,x\na.jpg,y\n").expect("writable");
    check(&["--slices", "s.csv"], &["s.csv", "line 3", "a.jpg is listed again"]);
}

#[test]
fn shelf_counts_with_mistakes() {
    let place = Workplace::empty();
    let arguments = ["eval", "shelf-counts", "--ground-truth", "truth.json", "--predictions", "found.json"];
    let facing = |b: [f64; 4]| json!({"box": b, "class": "can", "sku": "cola"});
    let full = |image: Value| json!({"format": "shelf-counts", "version": 1, "images": [image]});
    let check = |truth: Value, found: Value, expected: &[&str]| {
        fs::write(place.path("truth.json"), truth.to_string()).expect("writable");
        fs::write(place.path("found.json"), found.to_string()).expect("writable");
        refused(&place, &arguments, expected);
    };
    let short = || json!({"a.jpg": {"cola": 2}});
    check(short(), json!({"b.jpg": {"cola": 2}}), &["found.json", "b.jpg", "not in the ground truth"]);
    check(short(), json!({"a.jpg": {"cola": -2}}), &["found.json:1:", "-2"]);
    check(short(), json!({}), &["found.json"]);
    check(short(), results(), &["found.json", "COCO results", "ids mean something"]);
    check(results(), short(), &["truth.json", "looks like COCO results"]);
    let swapped = full(json!({"image": "a.jpg", "facings": [facing([60.0, 10.0, 10.0, 50.0])]}));
    check(short(), swapped, &["found.json", "\"a.jpg\"", "facings[0].box", "x2 < x1"]);
    let fractions = full(json!({"image": "a.jpg", "facings": [facing([0.1, 0.1, 0.2, 0.2])]}));
    check(short(), fractions, &["found.json", "normalised"]);
    let contradiction =
        full(json!({"image": "a.jpg", "counts": {"cola": 5}, "facings": [facing([1.0, 1.0, 9.0, 9.0])]}));
    check(short(), contradiction, &["found.json", "a.jpg", "counts say 5 of cola, but 1 facings"]);
    fs::write(place.path("truth.json"), r#"{"a.jpg": {"cola": 2}, "a.jpg": {"cola": 3}}"#).expect("writable");
    refused(&place, &arguments, &["truth.json:1:", "a.jpg", "twice"]);
}

#[test]
fn look_ups_with_mistakes() {
    let place = Workplace::empty();
    let check = |queries: Value, expected: &[&str]| {
        let file = json!({"format": "shelf-identifications", "version": 1, "enrolled": ["cola"], "queries": queries});
        fs::write(place.path("l.json"), file.to_string()).expect("writable");
        refused(&place, &["eval", "classifier", "--predictions", "l.json"], expected);
        refused(&place, &["calibrate", "--predictions", "l.json"], expected);
    };
    check(json!([]), &["l.json", "no queries"]);
    check(json!([{"image": "a", "truth": "fanta", "candidates": []}]), &["l.json: queries[0].truth", "fanta"]);
    check(json!([{"image": "a", "candidates": []}]), &["l.json:1:", "truth"]);
    let twice = json!([{"sku": "cola", "similarity": 0.9}, {"sku": "cola", "similarity": 0.8}]);
    check(json!([{"image": "a", "truth": null, "candidates": twice}]), &["l.json: queries[0].candidates", "already"]);
    let known = json!([{"image": "a", "truth": "cola", "candidates": [{"sku": "cola", "similarity": 0.9}]}]);
    let file = json!({"format": "shelf-identifications", "version": 1, "enrolled": ["cola"], "queries": known});
    fs::write(place.path("l.json"), file.to_string()).expect("writable");
    refused(&place, &["calibrate", "--predictions", "l.json"], &["no crop could be falsely accepted"]);
    refused(&place, &["calibrate", "--predictions", "l.json", "--far", "1.5"], &["1.5", "above 0 and below 1"]);
}

fn image(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    image::RgbImage::from_pixel(64, 48, image::Rgb([90, 120, 30])).save(path).expect("written");
}

#[test]
fn folders_with_mistakes() {
    let place = Workplace::empty();
    let data = place.path("data");
    let label = |text: &str| {
        fs::create_dir_all(data.join("labels")).expect("writable");
        fs::write(data.join("labels/a.txt"), text).expect("writable");
    };
    let arguments = ["eval", "detector", "--data", "data"];
    refused(&place, &arguments, &["data"]);
    image(&data.join("images/a.png"));
    label("0 .5 .5 .2\n");
    refused(&place, &arguments, &["a.txt", "1", "columns"]);
    label("0 .5 .5 .2 .2\n0 320 240 50 80\n");
    refused(&place, &arguments, &["a.txt", "2"]);
    label("0 .5 .5 .2 nan\n");
    refused(&place, &arguments, &["a.txt", "1"]);
    label("0 .5 .5 -.2 .2\n");
    refused(&place, &arguments, &["a.txt", "1"]);
    label("");
    refused(&place, &arguments, &["not one labelled box"]);
    label("7 .5 .5 .2 .2\n");
    refused(&place, &[&arguments[..], &["--classes", "bottle,can"]].concat(), &["a.txt:1", "class 7 has no name"]);
    label("0 .5 .5 .2 .2\n");
    refused(&place, &arguments, &["--weights"]);
    refused(&place, &[&arguments[..], &["--weights", "none.onnx"]].concat(), &["none.onnx"]);
    fs::write(data.join("labels/lost.txt"), "0 .5 .5 .2 .2\n").expect("writable");
    refused(&place, &arguments, &["lost.txt", "belongs to no image"]);
    fs::remove_file(data.join("labels/lost.txt")).expect("removed");
    fs::write(data.join("images/b.png"), b"no image").expect("writable");
    refused(&place, &arguments, &["b.png"]);
    fs::remove_file(data.join("images/b.png")).expect("removed");
    #[cfg(unix)]
    {
        // A loop is not followed, and nothing behind a link is silently left out.
        std::os::unix::fs::symlink("..", data.join("images/loop")).expect("linked");
        refused(&place, &arguments, &["images/loop", "symbolic link"]);
        fs::remove_file(data.join("images/loop")).expect("removed");
    }
    fs::write(
        place.path("pipeline.yaml"),
        "detector: {model: a.onnx}\nembedder: {model: b.onnx}\ngallery: {path: g}\n",
    )
    .expect("writable");
    refused(&place, &["eval", "shelf-counts", "--test-dir", "nowhere"], &["a.onnx"]);
}

/// Far from any configuration the environment names the models, and the message says so.
#[test]
fn models_are_looked_for_where_the_environment_says() {
    let place = Workplace::empty();
    let image = image::RgbImage::new(64, 64);
    for folder in ["data/images", "skus/cola"] {
        fs::create_dir_all(place.path(folder)).expect("writable");
        image.save(place.path(&format!("{folder}/a.png"))).expect("writable");
    }
    fs::create_dir_all(place.path("data/labels")).expect("writable");
    fs::write(place.path("data/labels/a.txt"), "0 .5 .5 .5 .5\n").expect("writable");
    let check = |arguments: &[&str], variable: &str| {
        let said = |value: Option<&str>| {
            let mut command = place.command(arguments);
            let output = command.envs(value.map(|value| (variable, value))).output().expect("it runs");
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
            stderr(&output)
        };
        let text = said(None);
        assert!(text.contains("no configuration names") && text.contains(variable), "{text}");
        let text = said(Some("elsewhere/m.onnx"));
        assert!(text.contains("elsewhere/m.onnx") && !text.contains("no configuration"), "{text}");
    };
    check(&["eval", "detector", "--data", "data"], "AI_V2_DETECTOR_MODEL");
    check(&["eval", "classifier", "--enrol", "skus", "--query", "skus"], "AI_V2_CLASSIFIER_MODEL");
    check(&["calibrate", "--enrol", "skus", "--query", "skus"], "AI_V2_CLASSIFIER_MODEL");
}
