//! Whatever is wrong, the message names the cause and the remedy, and nothing half-written stays behind.

use std::fs;

use crate::shelf::{Workplace, data, stderr, stdout};

/// `shelf arguments` must fail, without a panic, with a message that holds all of `expected`.
fn check(place: &Workplace, arguments: &[&str], expected: &[&str]) {
    let output = place.shelf(arguments);
    let message = stderr(&output);
    assert!(!output.status.success(), "{arguments:?} must fail, but said {}", stdout(&output));
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    for part in expected {
        assert!(message.contains(part), "{arguments:?} should mention {part:?}, but said: {message}");
    }
}

#[test]
fn images_that_are_none() {
    let Some(place) = Workplace::new() else { return };
    fs::write(place.path("empty.jpg"), b"").expect("writable");
    fs::write(place.path("text.jpg"), b"this is no image").expect("writable");
    fs::write(place.path("moving.gif"), b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").expect("writable");
    check(&place, &["recognize", "missing.jpg"], &["missing.jpg"]);
    check(&place, &["recognize", "empty.jpg"], &["empty.jpg", "empty"]);
    check(&place, &["recognize", "text.jpg"], &["text.jpg", "JPEG"]);
    check(&place, &["recognize", "moving.gif"], &["GIF", "JPEG"]);
    fs::create_dir(place.path("none")).expect("writable");
    check(&place, &["recognize", "none"], &["no images"]);
}

#[test]
fn one_bad_photo_does_not_stop_the_others() {
    let (Some(place), Some(scene)) = (Workplace::new(), data("shelf-scenes/dev/coke-shelf-small/scene.jpg")) else {
        return;
    };
    fs::write(place.path("text.jpg"), b"this is no image").expect("writable");
    let output = place.shelf(&["recognize", "text.jpg", scene.to_str().expect("a path")]);
    assert!(!output.status.success());
    assert!(stdout(&output).contains("facings"), "{}", stdout(&output));
    assert!(stderr(&output).contains("1 of 2 photos"), "{}", stderr(&output));
}

#[test]
fn outputs_that_cannot_be_written() {
    let (Some(place), Some(scene)) = (Workplace::new(), data("shelf-scenes/dev/coke-shelf-small/scene.jpg")) else {
        return;
    };
    let scene = scene.to_str().expect("a path");
    fs::write(place.path("file"), b"").expect("writable");
    check(&place, &["recognize", scene, "--output", "file/annotated.jpg"], &["file", "--output"]);
    check(&place, &["recognize", scene, "--output", "annotated.gif"], &["annotated.gif", ".jpg"]);
    check(&place, &["recognize", scene, scene, "--output", "annotated.jpg"], &["2 photos", "folder"]);
    // Two photos of one name get two images, and a file says so without colours.
    for shop in ["shop1", "shop2"] {
        fs::create_dir(place.path(shop)).expect("writable");
        fs::copy(scene, place.path(shop).join("a.jpg")).expect("copied");
    }
    fs::write(place.path("shop1").join("b.avif"), b"x").expect("writable");
    let output = place.shelf(&["-v", "recognize", "shop1", "shop2", "--output", "both"]);
    assert!(output.status.success(), "{}", stderr(&output));
    for shop in ["shop1", "shop2"] {
        assert!(place.path("both").join(shop).join("a.annotated.jpg").is_file(), "{shop}");
    }
    assert!(
        stderr(&output).contains("1 images of kinds that are not read, such as shop1/b.avif"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains('\u{1b}'), "{}", stderr(&output));
    fs::copy(scene, place.path("own.jpg")).expect("copied");
    check(&place, &["recognize", "own.jpg", "--output", "own.jpg"], &["overwrite"]);
}

#[test]
fn configurations_with_mistakes() {
    let place = Workplace::empty();
    let config = |text: &str| fs::write(place.path("pipeline.yaml"), text).expect("writable");
    check(&place, &["recognize", "."], &["no images"]);
    fs::write(place.path("a.jpg"), b"x").expect("writable");
    check(&place, &["recognize", "a.jpg"], &["pipeline.yaml"]);
    config("detector: {model: a.onnx, confidenc: 0.3}\nembedder: {model: b.onnx}\ngallery: {path: g}\n");
    check(&place, &["recognize", "a.jpg"], &["pipeline.yaml", "confidenc"]);
    config("detector: {model: a.onnx, confidence: 7}\nembedder: {model: b.onnx}\ngallery: {path: g}\n");
    check(&place, &["recognize", "a.jpg"], &["detector.confidence", "7", "within 0 and 1"]);
    config("detector: {model: a.onnx, tiles: many}\nembedder: {model: b.onnx}\ngallery: {path: g}\n");
    check(&place, &["recognize", "a.jpg"], &["detector.tiles", "2x2"]);
    config("detector: {model: a.onnx}\nembedder: {model: b.onnx}\ngallery: {path: g}\n");
    check(&place, &["recognize", "a.jpg"], &["a.onnx"]);
    check(&place, &["recognize", "a.jpg", "--conf", "nan"], &["0 to 1"]);
}

#[test]
fn models_that_are_damaged() {
    let Some(place) = Workplace::new() else { return };
    let detector = data("weights/yolov8n-coco/yolov8n_coco_dequant_fp32.onnx").expect("checked above");
    let embedder = data("weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx").expect("checked above");
    let bytes = fs::read(&detector).expect("readable");
    fs::write(place.path("a.jpg"), b"x").expect("writable");

    fs::write(place.path("cut.onnx"), &bytes[..bytes.len() / 2]).expect("writable");
    place.write_config(&place.path("cut.onnx"), &embedder);
    check(&place, &["recognize", "a.jpg"], &["cut.onnx"]);

    // An embedder where the detector belongs: a sound file of the wrong shape.
    place.write_config(&embedder, &embedder);
    check(&place, &["recognize", "a.jpg"], &["detector"]);

    // Weights changed after their card was written.
    fs::write(place.path("own.onnx"), &bytes).expect("writable");
    let imported = place.shelf(&["models", "import", "own.onnx", "--card-only", "--license", "AGPL-3.0"]);
    assert!(imported.status.success(), "{}", stderr(&imported));
    let mut changed = bytes;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(place.path("own.onnx"), changed).expect("writable");
    place.write_config(&place.path("own.onnx"), &embedder);
    check(&place, &["recognize", "a.jpg"], &["SHA-256", "own.card.json"]);
}

#[test]
fn doctor_names_every_problem_and_its_remedy() {
    let place = Workplace::empty();
    place.write_config(&place.path("no-detector.onnx"), &place.path("no-embedder.onnx"));
    let output = place.shelf(&["doctor"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["no-detector.onnx", "AI_V2_DETECTOR_MODEL", "no-embedder.onnx", "AI_V2_CLASSIFIER_MODEL"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn doctor_is_content_when_nothing_is_wrong() {
    let Some(place) = Workplace::new() else { return };
    let output = place.shelf(&["doctor"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{text}");
    for part in ["ONNX Runtime", "Nothing is wrong", "bottle, glass", "gallery build"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}
