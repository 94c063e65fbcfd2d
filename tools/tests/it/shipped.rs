//! The models in the repository, as a stranger has them: with the repository's own configuration and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use vision::BBox;

use crate::shelf::{Workplace, data, stderr, stdout};

/// Overlap from which a detection is the facing.
const SAME: f32 = 0.5;

/// Class, minimum found and maximum false on the example, of 42 cans and 37 bottles: 42 and 36 are found, 2 and 3 are false.
const EXAMPLE: [(&str, usize, usize); 2] = [("can", 40, 4), ("bottle", 34, 6)];

/// Minimum fraction of the example's facings that are counted under their own name: .86 are. Three of its SKUs are cans that differ
/// by a band of colour.
const DEMO: f64 = 0.75;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs `shelf` in the repository, without a gallery of the developer's.
fn shelf(arguments: &[&str]) -> Output {
    let place = Workplace::empty();
    let config = root().join("configs/pipeline.yaml");
    let mut command = place.command(arguments);
    command.current_dir(root()).env("AI_V2_PIPELINE_CONFIG", config);
    command.env("AI_V2_EMBEDDINGS_PATH", place.path("no-gallery")).output().expect("the binary runs")
}

fn recognised(photo: &Path) -> Value {
    let output = shelf(&["recognize", photo.to_str().expect("a path"), "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("one JSON object")
}

/// Boxes of `class` in an answer, the surest first.
fn boxes(answer: &Value, class: &str) -> Vec<BBox> {
    let side = |found: &Value, key: &str| found["box"][key].as_f64().expect("a number") as f32;
    let found = answer["detections"].as_array().expect("detections").iter().filter(|found| found["class"] == class);
    let mut found: Vec<_> = found.map(|f| (f["confidence"].as_f64().expect("a number"), f)).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.iter().map(|(_, f)| BBox::new(side(f, "x1"), side(f, "y1"), side(f, "x2"), side(f, "y2"))).collect()
}

/// A shelf's true facings: class -> boxes, and how often each SKU stands there. `facings.csv`: x,y,w,h,class,sku.
fn truth(file: &Path) -> (BTreeMap<String, Vec<BBox>>, BTreeMap<String, usize>) {
    let (mut boxes, mut skus) = (BTreeMap::<String, Vec<BBox>>::new(), BTreeMap::new());
    for line in fs::read_to_string(file).expect("the truth").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [x, y, w, h] = std::array::from_fn(|at| cells[at].parse::<f32>().expect("a number"));
        boxes.entry(cells[4].to_owned()).or_default().push(BBox::new(x, y, x + w, y + h));
        *skus.entry(cells[5].to_owned()).or_default() += 1;
    }
    (boxes, skus)
}

/// How many of `truth` are found, each by one detection alone, and how many detections are of nothing.
fn matched(found: &[BBox], truth: &[BBox]) -> (usize, usize) {
    let mut free = truth.to_vec();
    for bbox in found {
        let best = (0..free.len()).max_by(|&a, &b| free[a].iou(bbox).total_cmp(&free[b].iou(bbox)));
        if let Some(best) = best.filter(|&best| free[best].iou(bbox) >= SAME) {
            free.swap_remove(best);
        }
    }
    let hits = truth.len() - free.len();
    (hits, found.len() - hits)
}

/// Synthetic, like half of what the detector learned from: a smoke test, no evidence.
#[test]
fn the_example_shelf_is_recognised_with_nothing_but_the_repository() {
    let answer = recognised(&root().join("examples/shelf.jpg"));
    let (truth, _) = truth(&root().join("examples/facings.csv"));
    for (class, floor, max_false) in EXAMPLE {
        let (hits, wrong) = matched(&boxes(&answer, class), &truth[class]);
        assert!(hits >= floor && wrong <= max_false, "{class}: {hits} of {} found, {wrong} false", truth[class].len());
    }
}

/// Real photos of shelves that were not learned from. Bounds: 42, 29 and 14 are found, 7, 2 and
/// 3 are false, less one facing.
#[test]
fn bottles_and_cans_of_real_shelves_are_found() {
    let Some(scenes) = data("shelf-scenes/dev") else { return };
    for (scene, class, facings, floor, max_false) in [
        ("cola-aisle-hk", "bottle", 43, 41, 8),
        ("coke-shelf-small", "bottle", 29, 28, 3),
        ("coke-shelf-small", "can", 15, 13, 4),
    ] {
        let answer = recognised(&scenes.join(scene).join("scene.jpg"));
        let (truth, _) = truth(&scenes.join(scene).join("facings.csv"));
        assert_eq!(truth[class].len(), facings, "{scene} is another photo");
        let (hits, wrong) = matched(&boxes(&answer, class), &truth[class]);
        assert!(hits >= floor && wrong <= max_false, "{scene}, {class}: {hits} of {facings} found, {wrong} false");
    }
}

/// What a newcomer sees first: names, and about as many of each as there are.
#[test]
fn the_demo_names_and_counts_the_example() {
    let output = shelf(&["demo"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("the example: ") && text.contains("shelf gallery build"), "{text}");
    // `  COUNT  NAME  CODE`
    let rows = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words.last()?.to_string(), words.first()?.parse::<usize>().ok()?))
    });
    let counted: BTreeMap<String, usize> = rows.collect();
    let (_, truth) = truth(&root().join("examples/facings.csv"));
    let right: usize = truth.iter().map(|(sku, &count)| count.min(counted.get(sku).copied().unwrap_or(0))).sum();
    let facings: usize = truth.values().sum();
    assert!(right as f64 >= DEMO * facings as f64, "{right} of {facings} facings counted under their own name: {text}");
}
