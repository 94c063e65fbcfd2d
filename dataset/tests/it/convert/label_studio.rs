//! Label Studio's exports, and what is wrong with some.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dataset::convert::{Format, Loaded, Object, ReadOptions, Rect, detect, label_studio_choices, read};

use super::{assert_rect, left_out, refusal};

#[test]
fn label_studio_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json");
    fs::write(&path, LABEL_STUDIO).unwrap();
    assert_eq!(detect(&path).unwrap(), Format::LabelStudio);
    let loaded = read(&path, Format::LabelStudio, &ReadOptions::default()).unwrap();
    let left_out: Vec<_> = loaded.left_out.counts().into_iter().collect();
    assert_eq!(left_out, [("second opinions on a task", 1), ("tasks nobody finished", 1), ("turned boxes", 1)]);
    let [image] = &loaded.annotations.images[..] else { panic!("{:?}", loaded.annotations) };
    assert_eq!((image.id, image.file.as_str(), image.width, image.height), (42, "0a1b-shelf.jpg", 1000, 500));
    let [object] = &image.objects[..] else { panic!("{image:?}") };
    assert_rect(object.rect, Rect { x: 100.0, y: 100.0, w: 50.0, h: 250.0 }, 1e-9);
    assert_eq!(object.attributes, BTreeMap::from([("sku".to_owned(), "cola".to_owned())]));
    assert_eq!(loaded.annotations.category(object.category).unwrap().name, "Bottle");
}

/// Laid out as Label Studio 1 exports it ("JSON"); typed by hand after its format description.
const LABEL_STUDIO: &str = r#"[
 {"id": 42, "data": {"image": "/data/upload/1/0a1b-shelf.jpg"},
  "annotations": [
   {"id": 1, "was_cancelled": true, "result": []},
   {"id": 2, "was_cancelled": false, "result": [
     {"id": "r1", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "original_width": 1000,
      "original_height": 500, "image_rotation": 0,
      "value": {"x": 10, "y": 20, "width": 5, "height": 50, "rotation": 0, "rectanglelabels": ["Bottle"]}},
     {"id": "r1", "type": "choices", "from_name": "sku", "to_name": "image", "original_width": 1000,
      "original_height": 500, "image_rotation": 0,
      "value": {"x": 10, "y": 20, "width": 5, "height": 50, "rotation": 0, "choices": ["cola"]}},
     {"id": "r2", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "original_width": 1000,
      "original_height": 500, "image_rotation": 0,
      "value": {"x": 1, "y": 2, "width": 5, "height": 5, "rotation": 30, "rectanglelabels": ["Bottle"]}}]},
   {"id": 3, "was_cancelled": false, "result": []}]},
 {"id": 43, "data": {"image": "https://example.com/images/b.jpg?token=1"}, "annotations": []}
]
"#;

/// Every way in which an export says a box, after Label Studio's description of tasks and of the tags `RectangleLabels`, `Rectangle`
/// and `Labels`: ids of annotations as text, `null`s, ground truth among several annotations, addresses of all kinds.
#[test]
fn label_studio_variants_are_read() {
    let one = |task: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.json");
        fs::write(&path, format!("[{task}]")).unwrap();
        read(&path, Format::LabelStudio, &ReadOptions::default()).unwrap()
    };
    let labels = |loaded: &Loaded| -> Vec<String> {
        let name = |o: &Object| loaded.annotations.category(o.category).unwrap().name.clone();
        loaded.annotations.images.iter().flat_map(|i| &i.objects).map(name).collect()
    };
    let region = |label: &str, more: &str| {
        format!(
            r#"{{"id": "r", "type": "rectanglelabels", "from_name": "tag", "to_name": "img", "source": "$image", "original_width": 200,
             "original_height": 100, "origin": "manual", "value": {{"x": 10, "y": 20, "width": 30, "height": 40{more},
             "rectanglelabels": ["{label}"]}}}}"#
        )
    };
    let task =
        |annotations: &str| format!(r#"{{"id": 1, "data": {{"image": "a.jpg"}}, "annotations": [{annotations}]}}"#);
    let by = |id: &str, flags: &str, label: &str| {
        format!(
            r#"{{"id": "{id}", "completed_by": {{"id": 1, "email": "a@b.c"}}{flags}, "result": [{}]}}"#,
            region(label, "")
        )
    };

    // The first that was not cancelled; the ground truth before it; nulls are like nothing.
    let several =
        [by("1001", r#", "was_cancelled": true"#, "cancelled"), by("7", r#", "was_cancelled": null"#, "first")];
    let loaded = one(&task(&several.join(",")));
    assert_eq!(labels(&loaded), ["first"]);
    assert_eq!(loaded.annotations.images[0].objects[0].rect, Rect { x: 20.0, y: 20.0, w: 60.0, h: 40.0 });
    let loaded = one(&task(&[several.join(","), by("8", r#", "ground_truth": true"#, "truth")].join(",")));
    assert_eq!(labels(&loaded), ["truth"]);
    assert_eq!(loaded.left_out.counts(), BTreeMap::from([("second opinions on a task", 1)]));

    // Turned boxes are left out, a full turn or `null` is none.
    let regions = [("a", r#", "rotation": 360"#), ("b", r#", "rotation": null"#), ("c", r#", "rotation": 12.5"#)];
    let result: Vec<String> = regions.iter().map(|(label, more)| region(label, more)).collect();
    let loaded = one(&task(&format!(r#"{{"id": 1, "result": [{}]}}"#, result.join(","))));
    assert_eq!(labels(&loaded), ["a", "b"]);
    assert_eq!(loaded.left_out.counts(), BTreeMap::from([("turned boxes", 1)]));
    let turned = region("a", "").replace(r#""origin""#, r#""image_rotation": 90, "origin""#);
    assert_eq!(
        one(&task(&format!(r#"{{"result": [{turned}]}}"#))).left_out.counts(),
        BTreeMap::from([("turned boxes", 1)])
    );

    // The tags Rectangle and Labels give two regions with one id; other shapes and boxes without a label are counted.
    let pair = r#"{"id": "p", "type": "rectangle", "from_name": "rect", "original_width": 200, "original_height": 100,
          "value": {"x": 50, "y": 50, "width": 25, "height": 50, "rotation": 0}},
         {"id": "p", "type": "labels", "from_name": "label", "original_width": 200, "original_height": 100,
          "value": {"x": 50, "y": 50, "width": 25, "height": 50, "rotation": 0, "labels": ["Can", "Red"]}},
         {"id": "q", "type": "rectangle", "from_name": "rect", "value": {"x": 1, "y": 1, "width": 2, "height": 5}},
         {"id": "e", "type": "ellipselabels", "value": {"x": 1, "y": 1, "radiusX": 2, "radiusY": 5, "ellipselabels": ["Can"]}},
         {"id": "k", "type": "polygonlabels", "value": {"points": [[1, 2], [3, 4], [5, 1]], "polygonlabels": ["Can"]}},
         {"from_id": "p", "to_id": "q", "type": "relation", "direction": "right"},
         {"id": "p", "type": "textarea", "from_name": "sku", "value": {"text": ["cola", "zero"]}}"#;
    let loaded = one(&task(&format!(r#"{{"id": 1, "result": [{pair}]}}"#)));
    assert_eq!(labels(&loaded), ["Can"]);
    let object = &loaded.annotations.images[0].objects[0];
    assert_eq!(
        (object.rect, object.attributes["sku"].as_str()),
        (Rect { x: 100.0, y: 50.0, w: 50.0, h: 50.0 }, "cola zero")
    );
    let expected = [("boxes without a label", 1), ("regions that are no rectangles", 2), ("second labels of a box", 1)];
    assert_eq!(loaded.left_out.counts(), BTreeMap::from(expected));

    // Old exports, sizes in the task's data, images without any box.
    let old = task(r#"{"id": 1, "result": []}"#)
        .replace("annotations", "completions")
        .replace("\"a.jpg\"", "\"a.jpg\", \"width\": 64, \"height\": 48");
    let loaded = one(&old);
    assert_eq!((loaded.annotations.images[0].width, loaded.annotations.images[0].objects.len()), (64, 0));
    let nothing = left_out("a.json", &format!("[{}]", task(r#"{"id": 1, "result": []}"#)));
    assert!(nothing.contains("holds no labelled image; left out: 1 images whose size"), "{nothing}");

    let file =
        |address: &str| one(&task(&by("1", "", "x")).replace("a.jpg", address)).annotations.images[0].file.clone();
    assert_eq!(file("/data/local-files/?d=store%201/a%2Bb.jpg"), "store 1/a+b.jpg");
    assert_eq!(file("s3://bucket/key/shelf.png"), "shelf.png");
    assert_eq!(file("https://example.com/p/b.jpg?token=1#x"), "b.jpg");
    assert_eq!(file("/data/upload/3/0f2c-100%.jpg"), "0f2c-100%.jpg");
}

#[test]
fn label_studio_refusals() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(LABEL_STUDIO.contains(from));
        let left_out = left_out("a.json", &LABEL_STUDIO.replace(from, to));
        assert!(left_out.contains(expected), "{left_out}");
    };
    check(
        "\"x\": 10, \"y\": 20, \"width\": 5, \"height\": 50, \"rotation\": 0, \"rect",
        "\"x\": 1000, \"y\": 20, \"width\": 5, \"height\": 50, \"rotation\": 0, \"rect",
        "a.json: tasks[0].result: 1000 is outside 0..100",
    );
    check("0a1b-shelf.jpg", "..", "a.json: tasks[0]: \"..\" climbs out");
    check(
        "/data/upload/1/0a1b-shelf.jpg",
        "data:image/jpeg;base64,AAAA",
        "a.json: tasks[0]: the image is in the export",
    );
    let min = r#"[{"id": 1, "image": "a.jpg", "label": [], "annotation_id": 3, "lead_time": 1.5}]"#;
    assert!(refusal("a.json", min).contains("JSON-MIN"), "{}", refusal("a.json", min));
    assert!(refusal("a.json", "[{]").starts_with("a.json: is not Label Studio's JSON export"));
}

/// A box that was drawn upwards has a negative height in exports: it is the same box.
#[test]
fn boxes_drawn_upwards_are_turned_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json");
    let upwards =
        LABEL_STUDIO.replacen("\"y\": 20, \"width\": 5, \"height\": 50", "\"y\": 70, \"width\": 5, \"height\": -50", 1);
    fs::write(&path, upwards).unwrap();
    let loaded = read(&path, Format::LabelStudio, &ReadOptions::default()).unwrap();
    assert_rect(loaded.annotations.images[0].objects[0].rect, Rect { x: 100.0, y: 100.0, w: 50.0, h: 250.0 }, 1e-9);
}

/// What was cancelled is no label, what somebody declared the truth goes before the first, and one item is one thing.
#[test]
fn choices_follow_the_same_rule_as_boxes() {
    let chosen = |choice: &str, flags: &str| {
        format!(r#"{{"result": [{{"type": "choices", "value": {{"choices": [{choice}]}}}}]{flags}}}"#)
    };
    let task = |item: &str, annotations: &[String]| {
        format!(r#"{{"data": {{"item": "{item}"}}, "annotations": [{}]}}"#, annotations.join(","))
    };
    let cancelled = chosen("\"tea\"", r#", "was_cancelled": true"#);
    let text = [
        task("a", &[chosen("\"skip\"", ""), cancelled.clone()]),
        task("b", &[cancelled]),
        task("c", &[chosen("\"cola\"", ""), r#"{"result": []}"#.to_owned()]),
        task("d", &[chosen("\"tea\"", ""), chosen("\"cola\"", r#", "ground_truth": true"#)]),
        task("e", &[chosen("\"cola\", \"tea\"", "")]),
        task("f", &[]),
        r#"{"data": {}, "annotations": [{"result": [{"value": {"choices": ["cola"]}}]}]}"#.to_owned(),
    ];
    let bytes = format!("[{}]", text.join(",")).into_bytes();
    let (found, wrong, left_out) = label_studio_choices(Path::new("t.json"), bytes, "item").unwrap();
    let found: Vec<_> = found.iter().map(|choice| (choice.key.as_str(), choice.choice.as_str())).collect();
    assert_eq!(found, [("a", "skip"), ("c", "cola"), ("d", "cola")]);
    let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        wrong,
        [
            "t.json: tasks[4].annotations: 2 choices, but an item is one thing",
            "t.json: tasks[6].data: the task's data has no text under the key item"
        ]
    );
    assert_eq!(left_out.get("tasks that were skipped (cancelled annotations are no labels)"), 1);
}
