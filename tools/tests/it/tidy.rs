//! Architecture, kept true by a test: floors, and who may name which engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Floor of every crate; a crate may depend only on lower floors, in its tests and build scripts too.
const FLOORS: &[(&str, i32)] = &[
    ("workspace-hack", -1), // features only, no code
    ("vision", 0),
    ("engine", 1),
    ("dataset", 1),
    ("eval", 1),
    ("hub", 1),
    ("store", 1),
    ("tabular", 1),
    ("synth", 2),
    ("detector", 2),
    ("classifier", 2),
    ("pipeline", 3),
    ("review", 4),
    ("registry", 4),
    ("platform", 4),
    ("train", 4),
    ("flows", 4),
    ("server", 5),
    ("tools", 6),
    ("fuzz", 6),
];

/// What must not stand beneath a crate, however many crates lie between.
const UNKNOWN_TO: &[(&str, &[&str])] = &[
    ("vision", &["candle-core", "ort", "tokio", "sqlx"]),
    ("engine", &["train", "hub", "hf-hub", "ureq", "tokio"]),
    ("dataset", &["engine", "candle-core", "ort"]),
    ("eval", &["engine", "candle-core", "ort", "tokio"]),
    ("store", &["engine", "candle-core", "ort", "axum"]),
    ("tabular", &["engine", "candle-core", "ort", "tokio", "axum", "sqlx"]),
    ("synth", &["engine", "candle-core", "ort"]),
    ("detector", &["train", "store", "dataset", "synth", "eval", "hub", "classifier"]),
    ("classifier", &["train", "store", "dataset", "synth", "eval", "hub", "detector"]),
    ("pipeline", &["train", "store", "dataset", "synth", "eval", "hub", "sqlx", "object_store", "axum", "tokio"]),
    ("review", &["train", "dataset", "synth", "eval", "hub", "axum"]),
    ("registry", &["train", "dataset", "synth", "eval", "hub", "axum"]),
    ("platform", &["engine", "candle-core", "ort", "train", "dataset", "synth", "eval", "hub", "axum"]),
    ("flows", &["engine", "candle-core", "ort", "train", "synth", "eval", "hub", "axum"]),
    ("train", &["server", "review", "pipeline", "store", "sqlx", "object_store"]),
    ("server", &["train", "flows", "dataset", "synth", "eval", "hub", "hf-hub", "ureq"]),
];

/// `name` may appear as a path (`name::`, `use name`) only in files whose path starts with one of `places`.
const CONFINED: &[(&str, &[&str])] = &[
    ("ort", &["engine/src/ort"]),
    ("faiss", &["classifier/src/gallery/"]),
    ("faiss_sys", &["classifier/src/gallery/faiss"]),
    ("axum", &["server/", "train/src/dashboard/"]),
    ("hf_hub", &["hub/src/enabled/"]),
    ("ureq", &["hub/src/enabled/"]),
    ("sqlx", &["store/"]),
    ("object_store", &["store/"]),
    ("ab_glyph", &["vision/src/draw/", "synth/src/text.rs"]),
    ("dejavu", &["vision/src/draw/", "synth/src/text.rs"]),
    ("fast_image_resize", &["vision/src/preprocess.rs"]),
    ("turbojpeg", &["vision/src/decode", "vision/src/encode.rs"]),
    (
        "candle_core",
        &["engine/", "detector/src/model", "detector/tests", "classifier/src/model", "classifier/tests", "train/"],
    ),
    (
        "candle_nn",
        &["engine/", "detector/src/model", "detector/tests", "classifier/src/model", "classifier/tests", "train/"],
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

/// What cargo says, asked for the whole workspace.
fn cargo(arguments: &[&str]) -> String {
    let asked = Command::new(env!("CARGO")).args(arguments).arg("--offline").current_dir(root()).output();
    let Output { status, stdout, stderr } = asked.expect("cargo runs");
    assert!(status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("cargo speaks UTF-8")
}

/// Members of the workspace, each with what its manifest names: dependencies of its code, its tests and its build script.
fn members() -> Vec<(String, Vec<String>)> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("cargo speaks JSON");
    let name = |value: &Value| value["name"].as_str().expect("everything has a name").to_owned();
    let all = metadata["packages"].as_array().expect("a workspace has packages").iter();
    all.map(|package| (name(package), package["dependencies"].as_array().into_iter().flatten().map(name).collect()))
        .collect()
}

#[test]
fn every_member_has_a_floor() {
    let mut found: Vec<String> = members().into_iter().map(|(name, _)| name).collect();
    let mut known: Vec<&str> = FLOORS.iter().map(|(name, _)| *name).collect();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known, "keep FLOORS and docs/architecture.md in step with the workspace");
}

#[test]
fn crates_import_only_lower_floors() {
    let mut checked = 0;
    for (name, dependencies) in members() {
        let own = floor(&name).expect("checked above");
        for dependency in dependencies {
            // A crate's own tests may ask it for more features.
            if let Some(other) = floor(&dependency).filter(|_| dependency != name) {
                checked += 1;
                assert!(other < own, "{name} (floor {own}) must not import {dependency} (floor {other})");
            }
        }
    }
    assert!(checked > 40, "only {checked} internal dependencies were seen: the check has gone blind");
}

#[test]
fn what_a_crate_must_not_know_is_nowhere_beneath_it() {
    for (name, unknown) in UNKNOWN_TO {
        let tree = cargo(&["tree", "-p", name, "-e", "normal,build", "--prefix", "none", "--format", "{p}"]);
        let beneath: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(beneath.contains("vision"), "the tree of {name} was not understood:\n{tree}");
        let known: Vec<&&str> = unknown.iter().filter(|unknown| beneath.contains(**unknown)).collect();
        assert!(known.is_empty(), "beneath {name} stands {known:?}: see `cargo tree -p {name} -i {}`", known[0]);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `line` names the crate `name` as a path.
fn names_crate(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
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

/// Modules that lie directly in `folder`, each with those beside it that it names as `crate::NAME`.
fn imports(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    rust_files(folder, &mut files);
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files {
        let first = path.strip_prefix(folder).expect("below it").components().next().expect("a name");
        let module = Path::new(first.as_os_str()).with_extension("").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("source files are readable");
        let named = imports.entry(module.clone()).or_default();
        let code: String = text.lines().filter_map(|line| line.split("//").next()).collect();
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            let end = if rest.starts_with('{') { rest.find('}') } else { rest.find(|c: char| !is_word(c)) };
            let words = rest[..end.unwrap_or(rest.len())].split(|c: char| !is_word(c));
            named.extend(words.filter(|word| !word.is_empty() && *word != module).map(str::to_owned));
        }
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    imports.values_mut().for_each(|named| named.retain(|name| modules.contains(name)));
    imports
}

/// Crates whose modules import each other in no circle. The others: docs/architecture.md says what goes in circles there, and why.
const STRAIGHT: [&str; 12] = [
    "vision", "engine", "eval", "hub", "synth", "detector", "pipeline", "review", "platform", "train", "flows",
    "server",
];

#[test]
fn modules_import_each_other_in_no_circle() {
    for name in STRAIGHT {
        let mut imports = imports(&root().join(name).join("src"));
        imports.remove("lib");
        assert!(imports.len() > 3, "only {} modules of {name} were seen: the check has gone blind", imports.len());
        // Takes away what imports nothing that is left; what then remains goes in circles.
        loop {
            let done: Vec<String> =
                imports.iter().filter(|(_, named)| named.is_empty()).map(|(name, _)| name.clone()).collect();
            if done.is_empty() {
                break;
            }
            imports.retain(|name, _| !done.contains(name));
            imports.values_mut().for_each(|named| named.retain(|name| !done.contains(name)));
        }
        assert!(imports.is_empty(), "in {name} these import each other in a circle: {imports:#?}");
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
