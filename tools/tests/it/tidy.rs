//! Architecture, kept true by a test: floors, and who may name which engine.

use std::fs;
use std::path::{Path, PathBuf};

/// Floor of every crate; a crate may depend only on lower floors.
const FLOORS: &[(&str, i32)] = &[
    ("workspace-hack", -1), // features only, no code
    ("vision", 0),
    ("engine", 1),
    ("dataset", 1),
    ("eval", 1),
    ("store", 1),
    ("detector", 2),
    ("classifier", 2),
    ("pipeline", 3),
    ("server", 4),
    ("tools", 5),
];

/// `name` may appear as a path (`name::`, `use name`) only in files whose path starts with one of `places`.
const CONFINED: &[(&str, &[&str])] = &[
    ("ort", &["engine/src/ort"]),
    ("faiss", &["classifier/src/gallery/"]),
    ("faiss_sys", &["classifier/src/gallery/faiss"]),
    ("axum", &["server/"]),
    ("hf_hub", &["engine/src/hub/"]),
    ("ureq", &["engine/src/hub/"]),
    ("sqlx", &["store/"]),
    ("object_store", &["store/"]),
    ("fast_image_resize", &["vision/src/preprocess.rs"]),
    ("turbojpeg", &["vision/src/decode", "vision/src/encode.rs"]),
    (
        "candle_core",
        &[
            "engine/",
            "detector/src/model",
            "detector/src/train",
            "detector/tests",
            "detector/examples",
            "classifier/src/model",
            "classifier/src/train",
            "classifier/tests",
            "classifier/examples",
        ],
    ),
    (
        "candle_nn",
        &[
            "engine/",
            "detector/src/model",
            "detector/src/train",
            "detector/tests",
            "detector/examples",
            "classifier/src/model",
            "classifier/src/train",
            "classifier/tests",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn floor(name: &str) -> Option<i32> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

/// Names under `[dependencies]` (not `[dev-dependencies]`: tests may borrow a peer).
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            names.push(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn every_member_has_a_floor() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    let members = manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).expect("members").0;
    let members: Vec<&str> = members.lines().filter_map(|l| l.trim().strip_prefix('"')?.split('"').next()).collect();
    assert!(members.len() >= 9, "the list of members was not understood: {members:?}");
    for member in members {
        assert!(floor(member).is_some(), "{member} has no floor: add it to FLOORS and to docs/architecture.md");
    }
}

#[test]
fn crates_import_only_lower_floors() {
    let mut checked = 0;
    for (name, own) in FLOORS {
        let Ok(manifest) = fs::read_to_string(root().join(name).join("Cargo.toml")) else { continue };
        for dependency in dependencies(&manifest) {
            if let Some(other) = floor(&dependency) {
                checked += 1;
                assert!(other < *own, "{name} (floor {own}) must not import {dependency} (floor {other})");
            }
        }
    }
    assert!(checked > 10, "only {checked} internal dependencies were seen: the check has gone blind");
}

/// Whether `line` names the crate `name` as a path.
fn names_crate(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        // `crate::ort::...` and `engine::ort::...` are our own modules.
        let own_module = code[..at].ends_with("::");
        let imported = code[..at].trim_end().ends_with("use") && after.starts_with([';', ' ', ':']);
        !before.is_some_and(is_word) && !own_module && (after.starts_with("::") || imported)
    })
}

#[test]
fn engines_and_frameworks_are_named_only_in_their_place() {
    let root = root();
    let mut files = Vec::new();
    for (name, _) in FLOORS {
        rust_files(&root.join(name), &mut files);
    }
    let mut seen = 0;
    let mut wrong = Vec::new();
    for path in files {
        let relative = path.strip_prefix(&root).expect("found below the root").to_string_lossy().replace('\\', "/");
        if relative == "tools/tests/it/tidy.rs" {
            continue; // speaks of them all
        }
        let text = fs::read_to_string(&path).expect("source files are readable");
        for (number, line) in text.lines().enumerate() {
            for (name, places) in CONFINED {
                if names_crate(line, name) {
                    if places.iter().any(|place| relative.starts_with(place)) {
                        seen += 1;
                    } else {
                        wrong.push(format!("{relative}:{}: names {name}: {}", number + 1, line.trim()));
                    }
                }
            }
        }
    }
    assert!(seen > 10, "only {seen} uses were seen in their places: the check has gone blind");
    assert!(wrong.is_empty(), "outside their place (see docs/architecture.md):\n{}", wrong.join("\n"));
}

#[test]
fn detector_and_classifier_do_not_know_each_other() {
    for (one, other) in [("detector", "classifier"), ("classifier", "detector")] {
        let manifest = fs::read_to_string(root().join(one).join("Cargo.toml")).expect("manifest");
        assert!(!dependencies(&manifest).iter().any(|d| d == other), "{one} imports {other}");
    }
}

#[test]
fn names_crate_tells_paths_from_other_words() {
    let check = |line: &str, name: &str, expected: bool| assert_eq!(names_crate(line, name), expected, "{line}");
    check("use ort::session::Session;", "ort", true);
    check("    ort::init()", "ort", true);
    check("use ort;", "ort", true);
    check("use crate::ort::Pool;", "ort", false);
    check("sort::by(x)", "ort", false);
    check("import ort from", "ort", false);
    check("// ort::init panics", "ort", false);
}
