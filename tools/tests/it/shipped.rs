//! The models in the repository, as a stranger has them: with the repository's own configuration and nothing else.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::shelf::{Workplace, data, stderr, stdout};

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

fn count(answer: &Value, class: &str) -> usize {
    answer["detections"].as_array().expect("detections").iter().filter(|found| found["class"] == class).count()
}

/// Drawn, like half of what the detector learned from: a smoke test, no evidence.
#[test]
fn the_example_shelf_is_recognised_with_nothing_but_the_repository() {
    let answer = recognised(&root().join("examples/shelf.jpg"));
    let (cans, bottles) = (count(&answer, "can"), count(&answer, "bottle"));
    assert!((35..80).contains(&cans) && (30..90).contains(&bottles), "{cans} cans, {bottles} bottles");
}

/// Real photos of shelves that were not learned from.
#[test]
fn bottles_and_cans_of_real_shelves_are_found() {
    let Some(scenes) = data("shelf-scenes/dev") else { return };
    let aisle = recognised(&scenes.join("cola-aisle-hk/scene.jpg"));
    assert!((40..60).contains(&count(&aisle, "bottle")), "43 bottles, found {}", count(&aisle, "bottle"));
    let shelf = recognised(&scenes.join("coke-shelf-small/scene.jpg"));
    assert!((14..24).contains(&count(&shelf, "can")), "15 cans, found {}", count(&shelf, "can"));
}
