//! Sets of boxes for tests, and the reference software.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::path::{Path, PathBuf};
use std::process::Command;

use eval::random::Random;
use eval::{DetectionSet, ImageInfo, Prediction, Rect, Truth};
use serde_json::{Value, json};

pub(crate) use development::shared_data;

/// Says why a test does nothing; in CI that is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip: {reason}");
    eprintln!("SKIPPED: {reason}");
}

/// A Python that can import pycocotools, or a skip.
pub(crate) fn reference_python() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let given = std::env::var_os("SHELF_PYTHON").map(PathBuf::from);
    let candidates = given.into_iter().chain([workspace.join(".runtime/python/bin/python"), "python3".into()]);
    for python in candidates {
        let check = Command::new(&python).args([reference_script().as_os_str(), "--check".as_ref()]).output();
        if check.is_ok_and(|c| c.status.success()) {
            return Some(python);
        }
    }
    skip("no Python with pycocotools; run `make setup` or set SHELF_PYTHON");
    None
}

/// The script beside this folder.
pub(crate) fn reference_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pycocotools_reference.py")
}

/// Ground truth and results in COCO's formats.
pub(crate) struct CocoPair {
    pub(crate) truth: Value,
    pub(crate) results: Value,
}

impl CocoPair {
    pub(crate) fn new(
        images: &[Value],
        categories: &[(i64, &str)],
        annotations: &[Value],
        results: Vec<Value>,
    ) -> Self {
        let categories: Vec<Value> = categories.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
        let truth = json!({"images": images, "categories": categories, "annotations": annotations});
        Self { truth, results: Value::Array(results) }
    }

    pub(crate) fn read(&self) -> DetectionSet {
        let path = Path::new("test.json");
        let truth = eval::formats::coco::parse_truth(self.truth.to_string().as_bytes(), path).unwrap();
        let predictions = truth.parse_results(self.results.to_string().as_bytes(), path).unwrap();
        truth.with(predictions, path).unwrap()
    }
}

pub(crate) fn image(id: i64, width: u32, height: u32) -> Value {
    json!({"id": id, "file_name": format!("{id}.jpg"), "width": width, "height": height})
}

pub(crate) fn annotation(id: usize, image: i64, category: i64, b: [f64; 4]) -> Value {
    json!({"id": id, "image_id": image, "category_id": category, "bbox": b, "area": b[2] * b[3], "iscrowd": 0})
}

pub(crate) fn result(image: i64, category: i64, b: [f64; 4], score: f64) -> Value {
    json!({"image_id": image, "category_id": category, "bbox": b, "score": score})
}

/// Shelves of rows of facings, more than a hundred each, found by a detector that misses, doubles, shifts and invents.
/// Scores are rounded, so that ties are common.
pub(crate) fn dense_shelves(seed: u64, count: i64) -> CocoPair {
    let mut random = Random::new(seed);
    let categories = [(1, "bottle"), (2, "can"), (3, "glass"), (7, "unknown_container")];
    let (mut images, mut annotations, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for id in 1..=count {
        images.push(image(id, 2400, 1800));
        let rows = 6 + random.below(3);
        for row in 0..rows {
            let scale = random.range(0.25, 1.0);
            let mut x = random.range(0.0, 30.0);
            while x < 2300.0 && annotations.len() < 100_000 {
                let (width, height) = (random.range(40.0, 130.0) * scale, random.range(80.0, 220.0) * scale);
                let b = [x, row as f64 * 220.0 + random.range(0.0, 8.0), width, height];
                x += width + random.range(1.0, 60.0);
                let category = categories[random.below(4).min(random.below(4))].0;
                annotations.push(annotation(annotations.len() + 1, id, category, b));
                for _ in 0..[0, 1, 1, 1, 1, 1, 1, 1, 1, 2][random.below(10)] {
                    let mut shift = |side: f64| random.normal() * 0.07 * side;
                    let found =
                        [b[0] + shift(width), b[1] + shift(height), width + shift(width), height + shift(height)];
                    let found = [found[0], found[1], found[2].max(0.0), found[3].max(0.0)];
                    let category = if random.unit() < 0.06 { categories[random.below(4)].0 } else { category };
                    results.push(result(id, category, found, (random.unit().powf(0.4) * 1000.0).round() / 1000.0));
                }
            }
        }
        for _ in 0..random.below(25) {
            let b = [
                random.range(0.0, 2200.0),
                random.range(0.0, 1600.0),
                random.range(5.0, 200.0),
                random.range(5.0, 200.0),
            ];
            let score = (random.unit() * 500.0).round() / 1000.0;
            results.push(result(id, categories[random.below(4)].0, b, score));
        }
    }
    CocoPair::new(&images, &categories, &annotations, results)
}

/// Everything that trips evaluators: ties everywhere, empty images, doubled boxes, boxes without area, boxes that share
/// an edge, classes without truth or without predictions, crowds, areas that are not the box's, ids out of order.
pub(crate) fn nasty(seed: u64) -> CocoPair {
    let mut random = Random::new(seed);
    let categories = [(90, "zebra"), (3, "apple"), (17, "only true"), (40, "only predicted"), (55, "never")];
    let ids = [900, 7, 31, 5, 44, 12, 800, 1, 63, 20];
    let images: Vec<Value> = ids.iter().map(|&id| image(id, 640, 480)).collect();
    let (mut annotations, mut results) = (Vec::new(), Vec::new());
    // Numbers on a coarse grid make equal overlaps; scores of one digit make equal scores.
    let mut draw = |ids: &[i64]| {
        let mut side = |n: usize| random.below(n) as f64 * 16.0;
        let b = [side(24), side(18), side(16), side(12)];
        (ids[random.below(ids.len())], b, random.below(11) as f64 / 10.0, random.below(100))
    };
    // The last image has no truth, the two before it no predictions.
    for at in 0..120 {
        let (id, b, _, kind) = draw(&ids[..9]);
        let category = [90, 3, 17][kind % 3];
        let mut entry = annotation(1000 - at, id, category, b);
        if kind > 85 {
            entry["iscrowd"] = json!(1);
        }
        if kind % 7 == 0 {
            entry["area"] = json!(b[2] * b[3] * 0.4);
        }
        annotations.push(entry);
    }
    for _ in 0..400 {
        let (id, b, score, kind) = draw(&[900, 7, 31, 5, 44, 12, 800, 20]);
        let mut category = [90, 3, 40][kind % 3];
        let mut found = b;
        if kind < 60 {
            // On a true box, exactly or nearly.
            let truth = &annotations[kind * 2];
            category = truth["category_id"].as_i64().filter(|c| *c != 17).unwrap_or(3);
            let corner = |i: usize| truth["bbox"][i].as_f64().unwrap();
            found = [corner(0), corner(1), corner(2) + f64::from(kind as u32 % 4) * 4.0, corner(3)];
            let id = truth["image_id"].as_i64().unwrap();
            if ![1, 63].contains(&id) {
                results.push(result(id, category, found, score));
            }
        }
        results.push(result(id, category, found, score));
    }
    CocoPair::new(&images, &categories, &annotations, results)
}

/// A set from `(image, class, [x, y, w, h])` truths and the same with a score as predictions.
pub(crate) fn set(
    images: u32,
    classes: u32,
    truths: &[(u32, u32, [f64; 4])],
    predictions: &[(u32, u32, [f64; 4], f64)],
) -> DetectionSet {
    let rect = |[x, y, w, h]: [f64; 4]| Rect::new(x, y, w, h);
    DetectionSet::new(
        (0..images).map(|i| ImageInfo { name: format!("{i}.jpg"), size: Some((1000, 1000)) }).collect(),
        (0..classes).map(|i| format!("class {i}")).collect(),
        truths
            .iter()
            .map(|&(image, class, b)| Truth { image, class, rect: rect(b), area: rect(b).area(), crowd: false })
            .collect(),
        predictions.iter().map(|&(image, class, b, score)| Prediction { image, class, rect: rect(b), score }).collect(),
    )
    .unwrap()
}
