//! `shelf gallery` where no network is needed: what it says, what it refuses, and when.

use std::fs;
use std::path::Path;

use classifier::EmbedderIdentity;
use classifier::gallery::{GalleryData, NewExemplar, snapshot};
use vision::fakes::MeanColorEmbedder;
use vision::{Embedding, Sha256};

use crate::shelf::{Workplace, stderr, stdout};

/// A configuration whose models are not there, and a gallery of these codes, origins and directions.
fn place(exemplars: &[(&str, &str, [f32; 3])]) -> Workplace {
    let place = Workplace::empty();
    place.write_config(Path::new("detector.onnx"), Path::new("embedder.onnx"));
    let mut data = GalleryData::new("drinks", EmbedderIdentity::of(&MeanColorEmbedder));
    for &(code, origin, direction) in exemplars {
        let sku = data.sku_by_code(code).map(|sku| sku.id);
        let sku = sku.unwrap_or_else(|| data.add_sku(code, code).expect("a new code"));
        let embedding = Embedding::normalized(direction.to_vec()).expect("a direction");
        let (origin, sha256) = (origin.to_owned(), Sha256::of(origin.as_bytes()));
        data.add(vec![NewExemplar { sku, origin, sha256, embedding }]).expect("added");
    }
    snapshot::write(&mut data, &place.path("gallery")).expect("written");
    place
}

const COLA: [f32; 3] = [1.0, 0.0, 0.0];
const TEA: [f32; 3] = [0.0, 1.0, 0.0];

#[test]
fn a_label_that_looks_wrong_is_answered_anew() {
    let item = "0198f0a2-6f2b-7c31-9d4e-2b6f0c1d5e77";
    let label = format!("review/{item}");
    let inspect = |wrong: &[(&str, &str, [f32; 3])]| {
        let right = [("cola", "cola/1.jpg", COLA), ("tea", "tea/1.jpg", TEA)];
        let place = place(&[&right.repeat(3)[..], wrong].concat());
        stdout(&place.shelf(&["gallery", "inspect"]))
    };
    let anew = format!("answer it anew: shelf queue label {item} --sku CODE");
    let remove = "shelf gallery remove --exemplar NUMBER";

    let said = inspect(&[("tea", &label, COLA)]);
    assert!(said.contains("1 of 7 exemplars looks mislabelled") && said.contains(&anew), "{said}");
    assert!(!said.contains(remove), "the store keeps what a person labelled: {said}");
    // A folder may be called `review`, too.
    let said = inspect(&[("tea", "review/1.jpg", COLA)]);
    assert!(said.contains(remove) && !said.contains("anew"), "{said}");
    let said = inspect(&[("tea", &label, COLA), ("cola", "cola/2.jpg", TEA)]);
    assert!(said.contains("2 of 8 exemplars look mislabelled"), "{said}");
    assert!(said.contains(&anew) && said.contains(remove), "{said}");
}

#[test]
fn thresholds_of_single_skus_hold_for_suspects_too() {
    let near = [0.9, 0.3, 0.0];
    let place = place(&[("cola", "1", COLA), ("cola", "2", COLA), ("tea", "3", TEA), ("tea", "4", near)]);
    assert!(stdout(&place.shelf(&["gallery", "inspect"])).contains("1 of 4 exemplars looks mislabelled"));
    let path = place.path("pipeline.yaml");
    let text = fs::read_to_string(&path).expect("readable");
    let text = text.replace("gallery: {", "gallery: {sku_thresholds: {cola: 0.99}, ");
    fs::write(&path, text).expect("writable");
    let said = stdout(&place.shelf(&["gallery", "inspect"]));
    assert!(said.contains("no exemplar looks mislabelled"), "{said}");
}

#[test]
fn nothing_is_called_removed_before_it_is() {
    let place = place(&[("cola", "cola/1.jpg", COLA), ("tea", "tea/1.jpg", TEA)]);
    let gallery = || snapshot::read(&place.path("gallery")).expect("a gallery");
    let before = gallery();
    let output = place.shelf(&["gallery", "remove", "--exemplar", "1", "--exemplar", "9"]);
    assert!(!output.status.success() && stdout(&output).is_empty(), "{}", stdout(&output));
    assert!(stderr(&output).contains("no exemplar 9") && stderr(&output).contains("list --exemplars"));
    assert_eq!(gallery(), before);
    let said = stdout(&place.shelf(&["gallery", "remove", "--sku", "tea"]));
    assert!(said.contains("removed tea (tea) with 1 exemplar\n"), "{said}");
    let said = stdout(&place.shelf(&["gallery", "remove", "--exemplar", "1"]));
    assert_eq!(said, "removed exemplar 1 (cola/1.jpg)\n");
    assert!(stdout(&place.shelf(&["gallery", "list"])).contains("1 SKU, 0 exemplars"));
}

/// The models are not there: if a network were loaded first, the message would name it.
#[test]
fn a_foreign_folder_is_refused_before_anything_is_embedded() {
    let place = place(&[]);
    fs::create_dir_all(place.path("skus/cola")).expect("writable");
    fs::create_dir(place.path("papers")).expect("writable");
    fs::write(place.path("papers/letter.txt"), b"Dear all").expect("writable");
    fs::write(place.path("weights.onnx"), b"no network").expect("writable");
    let refused = |arguments: &[&str], cause: &str| {
        let output = place.shelf(arguments);
        assert!(!output.status.success() && stderr(&output).contains(cause), "{arguments:?}: {}", stderr(&output));
    };
    let foreign = "papers holds files but no gallery";
    refused(&["gallery", "build", "skus", "--gallery", "papers"], foreign);
    let export = ["train", "classifier", "--export-embeddings", "--weights", "weights.onnx", "--data-path", "skus"];
    refused(&[&export[..], &["--output-dir", "papers"]].concat(), foreign);
    refused(&export, "--output-dir <DIR>");
    assert_eq!(fs::read_dir(place.path("papers")).expect("listed").count(), 1);
}
