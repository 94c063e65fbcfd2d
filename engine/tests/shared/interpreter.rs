//! The interpreter that phones have, through `tests/tflite_reference.py`. Tests of several crates share this file.

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::tflite::Values;
use serde_json::{Value, json};

/// A Python that has the interpreter, or a skip, which CI does not take.
pub(crate) fn python() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let given = std::env::var_os("SHELF_PYTHON").map(PathBuf::from);
    let candidates = given.into_iter().chain([workspace.join(".runtime/python/bin/python")]);
    for python in candidates {
        if Command::new(&python).arg(script()).arg("--check").output().is_ok_and(|check| check.status.success()) {
            return Some(python);
        }
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip: there is no Python with ai-edge-litert");
    eprintln!("SKIPPED: no Python with ai-edge-litert; run `make setup` or set SHELF_PYTHON");
    None
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/tflite_reference.py")
}

/// What the interpreter says of each file for each run of inputs: outputs of numbers.
pub(crate) fn reference(python: &Path, jobs: &[(Vec<u8>, Vec<Vec<Values>>)]) -> Vec<Vec<Vec<Vec<f64>>>> {
    let folder = tempfile::tempdir().unwrap();
    let numbers = |values: &Values| match values {
        Values::F32(values) => json!(values),
        Values::I8(values) => json!(values),
        Values::I32(values) => json!(values),
    };
    let jobs: Vec<Value> = jobs
        .iter()
        .enumerate()
        .map(|(at, (file, runs))| {
            let model = folder.path().join(format!("{at}.tflite"));
            std::fs::write(&model, file).unwrap();
            let runs: Vec<Vec<Value>> = runs.iter().map(|inputs| inputs.iter().map(numbers).collect()).collect();
            json!({"model": model, "inputs": runs})
        })
        .collect();
    let (asked, said) = (folder.path().join("jobs.json"), folder.path().join("results.json"));
    std::fs::write(&asked, json!(jobs).to_string()).unwrap();
    let output = Command::new(python).arg(script()).args([&asked, &said]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(said).unwrap()).unwrap()
}
