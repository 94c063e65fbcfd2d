//! Files from outside: what is right is read, what is wrong is named with its place.

use std::fs;
use std::path::{Path, PathBuf};

use eval::formats::{coco, json};
use eval::formats::{compare, identifications, read_predicted_shelves, read_true_shelves};
use proptest::prelude::*;
use serde_json::{Value, json};
use vision::Confidences;

fn truth() -> Value {
    json!({
        "images": [{"id": 2, "file_name": "b.jpg", "width": 640, "height": 480}, {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "bottle"}, {"id": 5, "name": "can"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 5, "bbox": [10, 20, 30, 40], "area": 900, "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]}
        ]
    })
}

fn truth_error(change: impl FnOnce(&mut Value)) -> String {
    let mut value = truth();
    change(&mut value);
    coco::parse_truth(value.to_string().as_bytes(), Path::new("truth.json")).unwrap_err().to_string()
}

fn results_error(text: &str) -> String {
    let truth = coco::parse_truth(truth().to_string().as_bytes(), Path::new("truth.json")).unwrap();
    truth.parse_results(text.as_bytes(), Path::new("found.json")).unwrap_err().to_string()
}

#[test]
fn coco_is_read_in_the_order_of_ids() {
    let truth = coco::parse_truth(truth().to_string().as_bytes(), Path::new("truth.json")).unwrap();
    assert_eq!(truth.images[0].name, "a.jpg");
    assert_eq!((truth.truths[0].image, truth.truths[0].class, truth.truths[0].area), (0, 1, 900.0));
    assert_eq!(truth.truths[1].area, 12.0);
}

#[test]
fn faults_of_coco_truth_are_named_with_their_place() {
    let check = |change: fn(&mut Value), expected: &str| {
        let error = truth_error(change);
        assert!(error.starts_with("truth.json"), "{error}");
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    };
    check(
        |v| v["annotations"][1]["image_id"] = json!(9),
        "annotations[1].image_id: image 9 is not in the ground truth",
    );
    check(|v| v["annotations"][1]["category_id"] = json!(9), "annotations[1].category_id: category 9");
    check(|v| v["annotations"][1]["id"] = json!(1), "annotations[1].id: annotation id 1 occurs twice");
    check(|v| v["images"][1]["id"] = json!(2), "images[1].id: image id 2 occurs twice");
    check(|v| v["categories"][1]["id"] = json!(1), "categories[1].id: category id 1 occurs twice");
    check(|v| v["annotations"][0]["bbox"] = json!([10, 20, -30, 40]), "annotations[0].bbox: the box has a negative");
    check(|v| v["annotations"][0]["bbox"] = json!([10, 20, 30]), "invalid length 3");
    check(|v| v["annotations"][0]["bbox"] = json!([10, 20, 30, null]), "null");
    check(|v| v["annotations"] = json!([]), "there are no annotations");
    check(|v| v["images"] = json!([]), "there are no images");
    check(|v| *v = json!({"images": []}), "missing field `annotations`");
    check(|v| v["images"][0]["id"] = json!("2"), "expected i64");
    check(
        |v| {
            v["annotations"][0]["bbox"] = json!([0.1, 0.2, 0.3, 0.4]);
            v["annotations"][1]["bbox"] = json!([0.5, 0.5, 0.3, 0.4]);
        },
        "normalised",
    );
    check(
        |v| {
            v["annotations"][0]["bbox"] = json!([400, 300, 600, 400]);
            v["annotations"][1]["bbox"] = json!([300, 100, 620, 470]);
        },
        "x, y, width, height",
    );
}

#[test]
fn faults_of_coco_results_are_named_with_their_place() {
    let check = |text: &str, expected: &str| {
        let error = results_error(text);
        assert!(error.starts_with("found.json") && error.contains(expected), "{error:?} lacks {expected:?}");
    };
    check("[]", "there are no results");
    check("", "EOF");
    check("[{\"image_id\": 1", "EOF");
    check("[\n{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,NaN],\"score\":0.5}]", "found.json:2:");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[1,2,3,1e999],"score":0.5}]"#, "out of range");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[1,2,3,4]}]"#, "missing field `score`");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[1,2,3,4],"score":null}]"#, "null");
    check(r#"[{"image_id":7,"category_id":1,"bbox":[1,2,3,4],"score":0.5}]"#, "[0].image_id: image 7");
    check(r#"[{"image_id":1,"category_id":2,"bbox":[1,2,3,4],"score":0.5}]"#, "[0].category_id: category 2");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[1,2,3,-4],"score":0.5}]"#, "[0].bbox: the box has a negative");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[0.1,0.2,0.3,0.4],"score":0.5}]"#, "normalised");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[300,200,630,470],"score":0.5}]"#, "x, y, width, height");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    check(&deep, "found.json");
}

#[test]
fn zero_area_and_boxes_over_the_edge_are_read() {
    let truth = coco::parse_truth(truth().to_string().as_bytes(), Path::new("truth.json")).unwrap();
    let text = r#"[{"image_id":1,"category_id":1,"bbox":[1,2,0,0],"score":0.5},
                   {"image_id":1,"category_id":1,"bbox":[-5,-5,700,700],"score":1e-9}]"#;
    assert_eq!(truth.parse_results(text.as_bytes(), Path::new("found.json")).unwrap().len(), 2);
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &(impl ToString + ?Sized)) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content.to_string()).unwrap();
        path
    }
}

fn shelf_truth() -> Value {
    json!({"format": "shelf-counts", "version": 1, "enrolled": ["cola", "lime"], "images": [
        {"image": "a.jpg", "sha256": "aa", "width": 640, "height": 480, "counts": {"cola": 1, "lime": 1}, "facings": [
            {"box": [10, 10, 60, 110], "class": "can", "sku": "cola"},
            {"box": [100, 10, 150, 110], "class": "can", "sku": "lime"},
            {"box": [200, 10, 250, 110], "class": "bottle", "sku": null}]},
        {"image": "b.jpg", "sha256": "bb", "facings": []}]})
}

#[test]
fn shelf_counts_give_counts_boxes_and_identities() {
    let folder = Folder::new();
    let truth_path = folder.file("truth.json", &shelf_truth());
    let predictions = json!({"format": "shelf-counts", "version": 1, "images": [
        {"image": "photos/a.jpg", "facings": [
            {"box": [10, 10, 60, 110], "class": "can", "sku": "cola", "confidence": 0.9, "candidates": [{"sku": "cola", "similarity": 0.8}]},
            {"box": [101, 10, 150, 110], "class": "can", "sku": "cola", "confidence": 0.8,
             "candidates": [{"sku": "cola", "similarity": 0.7}, {"sku": "lime", "similarity": 0.6}]},
            {"box": [200, 10, 250, 110], "class": "can", "sku": null, "confidence": 0.7, "candidates": [{"sku": "lime", "similarity": 0.3}]}]}]});
    let path = folder.file("found.json", &predictions);
    let truth = read_true_shelves(&truth_path).unwrap();
    let found = read_predicted_shelves(&path, &truth, &truth_path, &0.25.into()).unwrap();
    let both = compare(&truth, &found, &path, &0.25.into()).unwrap();
    assert_eq!(both.unanswered, ["b.jpg"]);
    let counts = both.counts.summarize(None);
    // cola: 2 for 1; lime: 0 for 1.
    assert_eq!(counts.macro_mae, Some(1.0));
    let boxes = both.boxes.unwrap();
    assert_eq!(
        (boxes.truths().len(), boxes.predictions().len(), boxes.classes()),
        (3, 3, &["bottle".to_owned(), "can".to_owned()][..])
    );
    let identities = both.identities.unwrap();
    // The bottle was found as a can: the class does not matter for identities, and it is of no enrolled SKU.
    assert_eq!(identities.len(), 3);
    let top = eval::top_k(&identities, None);
    assert_eq!((top.known, top.top1, top.top5), (2, Some(0.5), Some(1.0)));
    assert_eq!(identities.iter().filter(|q| q.truth.is_none()).count(), 1);
    // Facings below the confidence of their own class are not served, so nobody identifies them.
    let own = Confidences { default: 0.25, by_class: [("can".to_owned(), 0.75)].into() };
    assert_eq!(compare(&truth, &found, &path, &own).unwrap().identities.unwrap().len(), 2);
}

fn answer(sha256: &str, file: Option<&str>) -> Value {
    let sku = json!({"id": 1, "code": "cola", "name": "Cola"});
    let mut answer = json!({
        "request_id": "r", "release": {"detector": "d", "embedder": "e", "gallery": "g"},
        "image": {"width": 640, "height": 480, "sha256": sha256},
        "timing_ms": {"total": 1.0},
        "detections": [{"id": 0, "box": {"x1": 10.0, "y1": 10.0, "x2": 60.0, "y2": 110.0}, "class": "can", "class_id": 1,
            "confidence": 0.9, "sku": sku, "similarity": 0.8, "margin": 0.2, "status": "known", "reason": "near",
            "candidates": [{"sku": sku, "similarity": 0.8}]}],
        "counts": [{"sku": sku, "count": 1}], "unknown_count": 0, "review": {"queued": 0, "item_ids": []}, "warnings": []});
    if let Some(file) = file {
        answer["file"] = json!(file);
    }
    answer
}

#[test]
fn answers_of_the_server_are_predictions() {
    let folder = Folder::new();
    let truth_path = folder.file("truth.json", &shelf_truth());
    let truth = read_true_shelves(&truth_path).unwrap();
    let lines = format!("{}\n{}\n", answer("bb", None), answer("aa", None));
    let by_name = json!({"a.jpg": answer("?", None), "b.jpg": answer("?", None)}).to_string();
    let list = json!([answer("?", Some("x/a.jpg")), answer("?", Some("x/b.jpg"))]).to_string();
    for text in [lines, by_name, list] {
        let path = folder.file("found.json", text.as_str());
        let found = read_predicted_shelves(&path, &truth, &truth_path, &0.25.into()).unwrap();
        let both = compare(&truth, &found, &path, &0.25.into()).unwrap();
        // a: cola right, lime missed; b: cola invented.
        assert_eq!(both.counts.summarize(None).macro_mae, Some(0.75), "{text}");
        assert!(both.unanswered.is_empty());
        assert_eq!(both.boxes.unwrap().predictions().len(), 2);
    }
}

#[test]
fn coco_results_count_by_category() {
    let folder = Folder::new();
    let truth_path = folder.file("truth.json", &truth());
    let results = json!([
        {"image_id": 1, "category_id": 5, "bbox": [10, 20, 30, 40], "score": 0.9},
        {"image_id": 1, "category_id": 5, "bbox": [100, 20, 30, 40], "score": 0.3},
        {"image_id": 1, "category_id": 5, "bbox": [200, 20, 30, 40], "score": 0.1}]);
    let path = folder.file("found.json", &results);
    let truth = read_true_shelves(&truth_path).unwrap();
    let found = read_predicted_shelves(&path, &truth, &truth_path, &0.25.into()).unwrap();
    let both = compare(&truth, &found, &path, &0.25.into()).unwrap();
    // can: 2 for 1; bottle: 0 for 1.
    assert_eq!(both.counts.summarize(None).macro_mae, Some(1.0));
}

#[test]
fn short_counts_are_read() {
    let folder = Folder::new();
    let truth_path = folder.file("truth.json", r#"{"a.jpg": {"cola": 3}, "b.jpg": {}}"#);
    let path = folder.file("found.json", r#"{"a.jpg": {"cola": 2}}"#);
    let truth = read_true_shelves(&truth_path).unwrap();
    let found = read_predicted_shelves(&path, &truth, &truth_path, &0.25.into()).unwrap();
    let both = compare(&truth, &found, &path, &0.25.into()).unwrap();
    assert_eq!(both.counts.summarize(None).macro_mae, Some(1.0));
    assert!(both.boxes.is_none() && both.identities.is_none());
}

#[test]
fn faults_of_shelf_files_are_named_with_their_place() {
    let folder = Folder::new();
    let check = |content: &str, expected: &str| {
        let path = folder.file("truth.json", content);
        let error = read_true_shelves(&path).unwrap_err().to_string();
        assert!(error.contains("truth.json") && error.contains(expected), "{error:?} lacks {expected:?}");
    };
    let changed = |change: fn(&mut Value)| {
        let mut value = shelf_truth();
        change(&mut value);
        value.to_string()
    };
    check("", "the file is empty");
    check("{", "EOF");
    check("nonsense", "expected");
    check("[]", "there are no images");
    check("{}", "some other JSON");
    check(r#"{"a.jpg": {"cola": -1}}"#, "expected u64");
    check(r#"{"a.jpg": {"cola": 1, "cola": 2}}"#, "the key \"cola\" occurs twice");
    check(r#"{"a.jpg": {}, "a.jpg": {}}"#, "the key \"a.jpg\" occurs twice");
    check(&changed(|v| v["version"] = json!(2)), "another version");
    check(&changed(|v| v["images"] = json!([])), "there are no images");
    check(&changed(|v| v["images"][1]["image"] = json!("a.jpg")), "image a.jpg occurs twice");
    check(&changed(|v| v["images"][0]["sku"] = json!("x")), "unknown field `sku`");
    check(
        &changed(|v| v["images"][0]["facings"][1]["box"] = json!([100, 10, 50, 110])),
        "images[\"a.jpg\"].facings[1].box: x2 < x1",
    );
    check(&changed(|v| v["images"][0]["facings"][1]["confidence"] = json!(1.5)), "1.5 is not within 0..1");
    check(&changed(|v| v["images"][0]["counts"]["cola"] = json!(4)), "the counts say 4 of cola, but 1 facings");
    check(&changed(|v| v["images"][1] = json!({"image": "b.jpg"})), "neither counts nor facings");
    check(&changed(|v| v["enrolled"] = json!(["cola", "cola"])), "enrolled SKU cola occurs twice");
    check(
        &changed(|v| {
            v["images"][0]["facings"] =
                json!([{"box": [0.1, 0.1, 0.2, 0.3], "sku": "cola"}, {"box": [0.1, 0.1, 0.2, 0.3], "sku": "lime"}]);
        }),
        "normalised",
    );
    check(&json!([answer("aa", None)]).to_string(), "this looks like answers of the server");
}

#[test]
fn predictions_of_other_images_are_refused() {
    let folder = Folder::new();
    let truth_path = folder.file("truth.json", &shelf_truth());
    let truth = read_true_shelves(&truth_path).unwrap();
    let check = |content: &str, expected: &str| {
        let path = folder.file("found.json", content);
        let error = read_predicted_shelves(&path, &truth, &truth_path, &0.25.into())
            .and_then(|found| compare(&truth, &found, &path, &0.25.into()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("found.json") && error.contains(expected), "{error:?} lacks {expected:?}");
    };
    check(r#"{"c.jpg": {"cola": 2}}"#, "image c.jpg is not in the ground truth");
    check(r#"{"a.jpg": {"cola": 2}, "x/a.jpg": {"cola": 2}}"#, "occurs twice");
    check("[]", "there are no predictions");
    check(&json!([answer("cc", None)]).to_string(), "nothing says which image");
    check(r#"[{"image_id":1,"category_id":1,"bbox":[1,2,3,4],"score":0.5}]"#, "COCO results cannot be compared");
    check(
        r#"{"format":"shelf-counts","version":1,"images":[{"image":"a.jpg","facings":[
            {"box":[10,10,60,110],"class":"can","sku":"pepper","confidence":0.9}]}]}"#,
        "SKU pepper is not among the enrolled ones",
    );
}

#[test]
fn saved_look_ups_are_read() {
    let path = Path::new("queries.json");
    let good = json!({"format": "shelf-identifications", "version": 1, "enrolled": ["a", "b"], "queries": [
        {"image": "1.jpg", "truth": "a", "candidates": [{"sku": "a", "similarity": 0.8}, {"sku": "b", "similarity": 0.2}]},
        {"image": "2.jpg", "truth": null, "candidates": []}]});
    let set = identifications::parse_identifications(good.to_string().as_bytes(), path).unwrap();
    assert_eq!((set.len(), set.get(0).truth, set.get(1).truth), (2, Some(0), None));
    let check = |change: fn(&mut Value), expected: &str| {
        let mut value = good.clone();
        change(&mut value);
        let error = identifications::parse_identifications(value.to_string().as_bytes(), path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    };
    check(|v| v["queries"] = json!([]), "there are no queries");
    check(|v| v["queries"][0]["truth"] = json!("z"), "queries[0].truth: SKU z is not among the enrolled ones");
    check(|v| drop(v["queries"][1].as_object_mut().unwrap().remove("truth")), "missing field `truth`");
    check(|v| v["queries"][0]["candidates"][0]["similarity"] = json!(-0.5), "best first");
    check(|v| v["enrolled"] = json!(["a", "a"]), "SKU a occurs twice");
}

#[test]
fn a_file_that_is_too_large_or_missing_is_refused() {
    let error = json::read_bounded(Path::new("/nowhere/at/all.json")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all.json") && error.contains("cannot be read"), "{error}");
    // A sparse file: large on paper, nothing on disk; it must not be read into memory.
    let folder = Folder::new();
    let path = folder.file("huge.json", "");
    fs::File::create(&path).unwrap().set_len(json::MAX_BYTES + 1).unwrap();
    assert!(json::read_bounded(&path).unwrap_err().to_string().contains("larger than"));
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*|[\\[\\]{}\",:0-9a-z ]{0,80}") {
        let path = Path::new("x.json");
        for input in [&bytes[..], text.as_bytes()] {
            let _ = json::sniff(input, path);
            let _ = coco::parse_truth(input, path);
            let _ = identifications::parse_identifications(input, path);
        }
    }
}
