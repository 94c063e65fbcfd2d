//! How long COCO's metrics take here and in pycocotools: the same boxes, in turns, on one machine.
//!
//! `cargo run --release -p eval --example coco_speed -- PYTHON [IMAGES [BOXES [ROUNDS]]]`
//!
//! Both sides have their boxes in memory; timed are matching and summing up (`COCOeval.evaluate` and `accumulate` there,
//! `match_all` and `summarize` here). The metrics must agree, or the times mean nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use eval::formats::coco;
use eval::matching::DEFAULT_MAX_DETECTIONS;
use eval::random::Random;
use eval::{DetectionSet, match_all, summarize};
use serde_json::Value;

const CLASSES: usize = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let python = arguments.first().expect("usage: coco_speed PYTHON [IMAGES [BOXES [ROUNDS]]]");
    let number = |at: usize, default: usize| arguments.get(at).map_or(default, |n| n.parse().expect("a number"));
    let (images, boxes, rounds) = (number(1, 5000), number(2, 150), number(3, 1));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = write_shelves(folder.path(), images, boxes);

    let truth = coco::read_truth(&files[0]).expect("sound truth");
    let set = truth.with(truth.read_results(&files[1]).expect("sound results"), &files[1]).expect("sound boxes");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("images,true_boxes,predictions,round,threads,shelf_s,pycocotools_s,ratio,map50_95");
    for round in 1..=rounds {
        // In turns, so that a busy machine is busy for both.
        let mut own: Vec<(usize, f64, f64)> = Vec::new();
        let (theirs, their_map) = pycocotools(python, &files);
        for threads in [1, cores] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let (seconds, map) = pool.install(|| ours(&set));
            own.push((threads, seconds, map));
        }
        for (threads, seconds, map) in own {
            assert!((map - their_map).abs() < 1e-6, "mAP {map} here, {their_map} there");
            println!(
                "{images},{},{},{round},{threads},{seconds:.3},{theirs:.3},{:.4},{map:.9}",
                set.truths().len(),
                set.predictions().len(),
                seconds / theirs
            );
        }
    }
}

fn ours(set: &DetectionSet) -> (f64, f64) {
    let start = Instant::now();
    let summary = summarize(&match_all(set, DEFAULT_MAX_DETECTIONS), None);
    (start.elapsed().as_secs_f64(), summary.map50_95.expect("there are true boxes"))
}

fn pycocotools(python: &str, [truth, results]: &[PathBuf; 2]) -> (f64, f64) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pycocotools_reference.py");
    let limit = DEFAULT_MAX_DETECTIONS.to_string();
    let output = Command::new(python).arg(script).args([truth, results]).args([&limit, "--only-coco"]).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("metrics");
    let metric = |value: &Value| value.as_f64().expect("a number");
    (metric(&answer["seconds"]), metric(&answer["metrics"]["map50_95"]))
}

/// Rows of facings, and a detector that misses a tenth of them, doubles a tenth, shifts all and invents a few.
fn write_shelves(folder: &Path, images: usize, boxes: usize) -> [PathBuf; 2] {
    let mut random = Random::new(7);
    let (mut listed, mut annotations, mut results) = (String::new(), String::new(), String::new());
    let mut id = 0;
    for image in 1..=images {
        let _ = write!(listed, r#"{{"id":{image},"width":2400,"height":1800}},"#);
        for at in 0..boxes {
            let (column, row) = ((at % 25) as f64, (at / 25) as f64);
            let (w, h) = (random.range(50.0, 95.0), random.range(100.0, 280.0));
            let (x, y) = (column * 96.0 + random.range(0.0, 5.0), row * 290.0 % 1500.0 + random.range(0.0, 8.0));
            let category = 1 + random.below(CLASSES);
            id += 1;
            let area = w * h;
            let _ = write!(
                annotations,
                r#"{{"id":{id},"image_id":{image},"category_id":{category},"bbox":[{x},{y},{w},{h}],"area":{area},"iscrowd":0}},"#
            );
            for _ in 0..[0, 1, 1, 1, 1, 1, 1, 1, 1, 2][random.below(10)] {
                let category = if random.unit() < 0.05 { 1 + random.below(CLASSES) } else { category };
                let [dx, dy, dw, dh] = [w, h, w, h].map(|side| random.normal() * 0.06 * side);
                let score = random.unit().powf(0.4);
                found(&mut results, (image, category), [x + dx, y + dy, (w + dw).max(1.0), (h + dh).max(1.0)], score);
            }
        }
        for _ in 0..boxes / 10 {
            let b = [random.range(0.0, 2200.0), random.range(0.0, 1500.0), random.range(20.0, 150.0), 200.0];
            found(&mut results, (image, 1 + random.below(CLASSES)), b, random.unit() * 0.5);
        }
    }
    let categories: Vec<String> = (1..=CLASSES).map(|c| format!(r#"{{"id":{c},"name":"class {c}"}}"#)).collect();
    let list = |entries: &str| format!("[{}]", entries.trim_end_matches(','));
    let truth = format!(
        r#"{{"images":{},"annotations":{},"categories":[{}]}}"#,
        list(&listed),
        list(&annotations),
        categories.join(",")
    );
    let paths = ["truth.json", "results.json"].map(|name| folder.join(name));
    std::fs::write(&paths[0], truth).expect("writable");
    std::fs::write(&paths[1], list(&results)).expect("writable");
    paths
}

fn found(out: &mut String, (image, category): (usize, usize), [x, y, w, h]: [f64; 4], score: f64) {
    let _ = write!(out, r#"{{"image_id":{image},"category_id":{category},"bbox":[{x},{y},{w},{h}],"score":{score}}},"#);
}
