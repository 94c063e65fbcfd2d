//! The main job on real input: a gallery is built, a shelf photo recognised, the answer compared with what stands there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use classifier::gallery::snapshot;
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
    // The second pass at the facings' own scale may trade one bottle for another.
    assert!(found >= 40, "{found} of 43 bottles found");

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

    let annotated = fs::read(place.path("annotated.jpg")).expect("the annotated image was written");
    let image = vision::decode(&annotated, &DecodeLimits::default()).expect("it is an image");
    assert!(image.width() >= 1280 && image.height() >= 960);
}

#[test]
fn classes_count_from_their_own_confidence_on() {
    let (Some(place), Some(scene)) = (Workplace::new(), data("shelf-scenes/dev/coke-shelf-small")) else { return };
    let plain = fs::read_to_string(place.path("pipeline.yaml")).expect("it was written");
    // Tiles are cut where there is a crowd, and a crowd is what counts: without them only the confidence differs.
    let configure = |keys: &str| {
        let text = plain.replace("detector: {", &format!("detector: {{tiles: off, {keys}"));
        fs::write(place.path("pipeline.yaml"), text).expect("writable");
    };
    let photo = scene.join("scene.jpg").display().to_string();
    let found = |more: &[&str]| -> Vec<Value> {
        let output = place.shelf(&[&["recognize", &photo, "--json"], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
        let kept = |d: &Value| serde_json::json!([d["box"], d["class"], d["confidence"]]);
        answer["detections"].as_array().expect("detections").iter().map(kept).collect()
    };
    configure("");
    let all = found(&[]);
    let sure = |d: &&Value| d[1] != "bottle" || d[2].as_f64().expect("a number") >= 0.6;
    let expected: Vec<Value> = all.iter().filter(sure).cloned().collect();
    assert!(!expected.is_empty() && expected.len() < all.len(), "{} of {}", expected.len(), all.len());
    configure("class_confidence: {bottle: 0.6}, ");
    assert_eq!(found(&[]), expected);
    assert_eq!(found(&["--conf", "0.25"]), all, "on the command line it holds for every class");

    // The line that `eval` gives makes precision what was asked for.
    let folder = scene.display().to_string();
    let eval = |more: &[&str]| {
        let classes = ["--classes", "bottle,can,glass,unknown_container", "--resamples", "0", "--no-gate"];
        let output = place.shelf(&[&["eval", "detector", "--data", &folder], &classes[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    configure("");
    let text = eval(&["--precision", "0.9"]);
    let line = text.lines().find(|line| line.trim_start().starts_with("class_confidence: ")).expect("a line to paste");
    configure(&format!("{}, ", line.trim()));
    eval(&["--json", "own.json"]);
    let report: Value = serde_json::from_slice(&fs::read(place.path("own.json")).expect("written")).expect("JSON");
    let classes = report["detection"]["classes"].as_array().expect("classes");
    let bottle = classes.iter().find(|class| class["class"] == "bottle").expect("bottles");
    assert!(bottle["precision"].as_f64().is_some_and(|p| p >= 0.9), "{bottle} by {line}");

    configure("class_confidence: {botle: 0.6}, ");
    for arguments in [&["recognize", photo.as_str()][..], &["eval", "detector", "--data", &folder, "--all-classes"]] {
        let message = stderr(&place.shelf(arguments));
        assert!(message.contains("`detector.class_confidence`: there is no class \"botle\"; there are "), "{message}");
    }
    let doctor = stdout(&place.shelf(&["doctor"]));
    assert!(doctor.contains("there is no class \"botle\"; there are bottle, glass"), "{doctor}");
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
    let mut photos: Vec<_> =
        fs::read_dir(skus.join("cafe")).expect("listed").map(|entry| entry.expect("entry").path()).collect();
    photos.sort();
    fs::create_dir(place.path("photos")).expect("writable");
    for file in &photos[..2] {
        fs::copy(file, place.path("photos").join(file.file_name().expect("named"))).expect("copied");
    }
    run(&["gallery", "add", "--sku", "cafe", "photos", "--keep-redundant"]);
    assert!(run(&["gallery", "list"]).contains("3 SKUs, 8 exemplars"));
    // The review page shows every image that is enrolled, by whatever path it came.
    let enrolled = snapshot::read(&place.path("gallery")).expect("a gallery");
    for exemplar in enrolled.exemplars() {
        let name = exemplar.sha256.to_string();
        let kept = place.path("data/active_learning_queue/objects").join(&name[..2]).join(&name);
        assert!(kept.is_file(), "{} is not in the review queue", exemplar.origin);
    }
    assert!(run(&["gallery", "inspect"]).contains("twin"));
    run(&["gallery", "remove", "--sku", "7up"]);
    let list = run(&["gallery", "list", "--exemplars"]);
    assert!(!list.contains("7up") && list.contains("aquafina"), "{list}");
}

#[test]
fn a_gallery_is_put_right_and_embedded_again() {
    let (Some(place), Some(skus)) = (Workplace::new(), data("mductran-beverage-skus/dev/crops")) else { return };
    let images = |sku: &str| {
        let mut files: Vec<_> =
            fs::read_dir(skus.join(sku)).expect("listed").map(|e| e.expect("entry").path()).collect();
        files.sort();
        files
    };
    let put = |from: &Path, to: &str| {
        fs::create_dir_all(place.path(to).parent().expect("a folder")).expect("writable");
        fs::copy(from, place.path(to)).expect("copied");
    };
    for at in 0..3 {
        put(&images("7up")[at], &format!("skus/7up/{at}.jpg"));
        put(&images("aquafina")[at], &format!("skus/aquafina/{at}.jpg"));
    }
    // Enrolled twice by mistake, with one image in common.
    put(&images("7up")[0], "skus/seven_up/0.jpg");
    put(&images("7up")[3], "skus/seven_up/3.jpg");
    let run = |arguments: &[&str]| {
        let output = place.shelf(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let fails = |arguments: &[&str], cause: &str| {
        let output = place.shelf(arguments);
        let text = stderr(&output);
        assert!(!output.status.success() && text.contains(cause), "{arguments:?}: {text}");
        text
    };
    run(&["gallery", "build", "skus"]);

    // The same pixels in another file.
    let copy = place.path("copy.png");
    let original = fs::read(place.path("skus/7up/1.jpg")).expect("readable");
    vision::decode(&original, &DecodeLimits::default()).expect("an image").save(&copy).expect("written");
    let (said, named) = run(&["gallery", "add", "--sku", "7up", "copy.png"]);
    assert!(said.contains("added 0 exemplars, 1 redundant left out (--keep"), "{said}");
    assert!(named.contains("copy.png looks like 7up/1.jpg (similarity 1.000)"), "{named}");
    let (said, _) = run(&["gallery", "add", "--sku", "7up", "copy.png", "--keep-redundant"]);
    assert!(said.contains("added 1 exemplar, 1 of them redundant"), "{said}");

    run(&["gallery", "rename", "7up", "7 Up 330 ml"]);
    assert!(run(&["gallery", "list"]).0.contains("7 Up 330 ml"));
    fails(&["gallery", "rename", "7up", " "], "1 to 200 characters");
    fails(&["gallery", "merge", "7up", "pepsi"], "no SKU \"pepsi\"");
    fails(&["gallery", "merge", "7up", "7up"], "into itself");
    let (said, _) = run(&["gallery", "merge", "seven_up", "7up"]);
    assert!(said.contains("1 exemplar moved, 1 it had already, 5 in all"), "{said}");
    assert!(!run(&["gallery", "list"]).0.contains("seven_up"));
    assert!(run(&["gallery", "inspect"]).0.contains("no exemplar looks mislabelled"));
    run(&["gallery", "add", "--sku", "aquafina", "copy.png", "--keep-redundant"]);
    let (said, _) = run(&["gallery", "inspect"]);
    assert!(said.contains("1 of 9 exemplars looks mislabelled"), "{said}");
    assert!(said.contains("(copy.png) is enrolled as aquafina, looks like 7up"), "{said}");

    let gallery = || snapshot::read(&place.path("gallery")).expect("a gallery");
    let before = gallery();
    let text = fails(&["gallery", "reembed", "--data-path", "skus"], "2 of 9 exemplars have no usable image");
    assert!(text.contains("(copy.png): there is no such image"), "{text}");
    assert!(text.contains("nothing was written") && text.contains("--max-missing 2"), "{text}");
    assert_eq!(gallery(), before);
    run(&["gallery", "reembed", "--data-path", "."]);
    let after = gallery();
    assert_eq!(after.exemplars(), before.exemplars());
    assert_eq!(after.embedder(), before.embedder());
    for row in 0..9 {
        let pairs = after.embeddings().row(row).iter().zip(before.embeddings().row(row));
        // An image's place in the batch may change the last digits.
        assert!(pairs.into_iter().all(|(now, then)| (now - then).abs() <= 1e-5), "row {row}");
    }
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/classifier/shelf-v3-fp16.onnx");
    let weights = weights.to_str().expect("a path");
    fs::remove_file(&copy).expect("removed");
    let next = ["gallery", "reembed", "--weights", weights, "--data-path", "skus", "--output-dir", "next"];
    let (said, _) = run(&[&next[..], &["--max-missing", "2"]].concat());
    assert!(said.contains("7 exemplars of 2 SKUs") && said.contains("2 left out"), "{said}");
    assert!(!said.contains("AI_V2_CLASSIFIER_MODEL"), "the gallery in use stays: {said}");
    let next = snapshot::read(&place.path("next")).expect("a gallery");
    assert_eq!((next.embeddings().columns(), next.embeddings().rows()), (512, 7));
    assert_eq!(gallery(), after, "the one it was made from stays");
    let (said, _) = run(&["gallery", "reembed", "--gallery", "next", "--weights", weights, "--data-path", "skus"]);
    assert!(said.contains(&format!("now name {weights} in embedder.model or AI_V2_CLASSIFIER_MODEL")), "{said}");
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
    // The second pass at the facings' own scale may trade one bottle for another.
    assert!(found >= 40, "{found} of 43 bottles found");
}

#[test]
fn a_folder_that_was_cut_off_is_gone_on_with() {
    let place = Workplace::shipped();
    let folder = place.path("photos");
    fs::create_dir(&folder).expect("writable");
    for shade in [40_u8, 90, 140] {
        let image = image::RgbImage::from_fn(160, 120, |x, y| image::Rgb([shade, (x % 251) as u8, (y % 251) as u8]));
        image.save(folder.join(format!("{shade}.png"))).expect("writable");
    }
    let answers = place.path("answers.jsonl");
    let run = || place.shelf(&["recognize", "photos", "--answers", "answers.jsonl"]);
    let files = || -> Vec<String> {
        let text = fs::read_to_string(&answers).expect("written");
        let file =
            |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["file"].as_str().expect("text").to_owned();
        text.lines().map(file).collect()
    };
    assert!(run().status.success());
    assert_eq!(files(), ["photos/140.png", "photos/40.png", "photos/90.png"]);
    // Cut off in the middle of the last line: that photo is recognised again, and nothing else.
    let bytes = fs::read(&answers).expect("written");
    fs::write(&answers, &bytes[..bytes.len() - 7]).expect("writable");
    let again = run();
    assert!(stderr(&again).contains("2 of 3 photos are answered already"), "{}", stderr(&again));
    assert_eq!(files(), ["photos/140.png", "photos/40.png", "photos/90.png"]);
    // A photo that changed is another photo.
    image::RgbImage::new(100, 100).save(folder.join("40.png")).expect("writable");
    assert!(run().status.success());
    assert_eq!(files().len(), 4);
    // Answers of other models are not mixed with these, and what holds no answers is left alone.
    let text = fs::read_to_string(&answers).expect("written");
    fs::write(&answers, text.replace("\"embedder\":\"", "\"embedder\":\"other ")).expect("writable");
    let refused = run();
    assert!(!refused.status.success() && stderr(&refused).contains("name another file"), "{}", stderr(&refused));
    fs::write(&answers, "a diary\nof mine\n").expect("writable");
    let refused = run();
    assert!(
        !refused.status.success() && stderr(&refused).contains("line 1: this is no answer"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(fs::read_to_string(&answers).expect("there"), "a diary\nof mine\n");
}

#[test]
fn an_embedder_is_whitened_and_serves() {
    let place = Workplace::shipped();
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/classifier/shelf-v3-native.safetensors");
    let native = native.canonicalize().expect("it is committed").display().to_string();
    for (sku, tint) in [("cola", [200_u32, 20, 20]), ("tea", [20, 160, 40]), ("water", [30, 60, 200])] {
        fs::create_dir_all(place.path("skus").join(sku)).expect("writable");
        for number in 0..6_u32 {
            let image = image::RgbImage::from_fn(64, 96, |x, y| {
                image::Rgb(
                    tint.map(|c| ((c + (x * 7 + y * 13) % (20 + 5 * number)) * (6 + number) / 10).min(255) as u8),
                )
            });
            image.save(place.path("skus").join(sku).join(format!("{number}.png"))).expect("writable");
        }
    }
    fs::write(place.path("c.yaml"), "name: w\nbackbone: efficientnet_lite0\ndata: [{root: skus, val: 0.3}]\n")
        .expect("writable");
    let whiten = |shrinkage: &str| {
        let from = ["train", "classifier", "--config", "c.yaml", "--weights", &native, "--output-dir", "out"];
        place.shelf(&[&from[..], &["--whiten", shrinkage, "--model-name", "white"]].concat())
    };
    let output = whiten("0.6");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("metric,before,whitened\ntop1,"), "{}", stdout(&output));
    // It says of itself what it is, and embeds.
    let embed =
        ["train", "classifier", "--export-embeddings", "--data-path", "skus", "--output-dir", "gallery", "--weights"];
    let output = place.shelf(&[&embed[..], &["out/white-native.safetensors"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(snapshot::read(&place.path("gallery")).is_ok());
    let output = whiten("1.5");
    assert!(!output.status.success() && stderr(&output).contains("from 0 to 1"), "{}", stderr(&output));
}
