//! `shelf table` as a person uses it: exit codes, messages, files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs in `folder`; the exit code must be `code`. Returns what was printed.
fn shelf(folder: &Path, arguments: &str, code: i32) -> String {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_shelf"))
        .arg("table")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).expect("it was written")).expect("it is JSON")
}

/// Shelves that run low: the state follows from facings and the hour, a column says nothing, a few cells are missing, a row is broken.
fn counts(folder: &Path) {
    let mut text = "time,shelf,facings,hour,store,state\n".to_owned();
    for row in 0..240_usize {
        let (facings, hour) = (row * 7 % 20, row % 24);
        let state = if facings < 5 {
            "low"
        } else if facings < 14 {
            "ok"
        } else {
            "full"
        };
        let shown = if row % 50 == 3 { String::new() } else { facings.to_string() };
        writeln!(text, "2026-11-{:02}T{hour:02}:00:00Z,{},{shown},{hour},1,{state}", 1 + row / 24, row % 3)
            .expect("memory");
    }
    text += "2026-11-30,broken\n";
    fs::write(folder.join("counts.csv"), text).expect("writable");
}

#[test]
fn from_a_file_to_predictions() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    counts(place);
    let said = shelf(place, "describe counts.csv --json described.json", 0);
    assert!(said.contains("240 rows, 6 columns") && said.contains("counts.csv:242: left out"), "{said}");
    let described = json(place, "described.json");
    assert_eq!(
        (&described["missing_values"]["facings"], &described["dtypes"]["time"]),
        (&5.into(), &"datetime64[ns, UTC]".into())
    );

    shelf(place, "clean counts.csv --missing median --output clean.csv --json cleaned.json", 0);
    assert_eq!(json(place, "cleaned.json")["cleaned_rows"], 240);
    shelf(place, "split clean.csv --by time --column time --output parts --json split.json", 0);
    assert_eq!(json(place, "split.json")["test_samples"], 48);
    let again = shelf(place, "split clean.csv --output parts", 2);
    assert!(again.contains("parts exists and is not an empty folder"), "{again}");

    let task = "--target state --task classification";
    let said = shelf(place, &format!("select clean.csv {task} --method mutual_info --n-features 1"), 0);
    assert!(said.trim_end().ends_with("facings"), "{said}");
    let said = shelf(
        place,
        &format!(
            "train parts/train.csv {task} --algorithm gradient_boosting --set n_estimators=20 --output state.json --json trained.json"
        ),
        0,
    );
    assert!(said.contains("accuracy"), "{said}");
    let trained = json(place, "trained.json");
    assert!(trained["results"]["evaluation"]["accuracy"].as_f64().is_some_and(|accuracy| accuracy > 0.9), "{trained}");
    assert_eq!(trained["results"]["training_history"].as_array().map(Vec::len), Some(20));

    shelf(place, "predict parts/test.csv --model state.json --output told.csv --json told.json", 0);
    let told = fs::read_to_string(place.join("told.csv")).expect("it was written");
    assert!(
        told.lines().next().is_some_and(|head| head.ends_with("prediction,proba_full,proba_low,proba_ok")),
        "{told}"
    );
    assert_eq!(json(place, "told.json")["prediction"].as_array().map(Vec::len), Some(48));
    let printed = shelf(place, "predict parts/test.csv --model state.json", 0);
    assert_eq!(printed.lines().count(), 48);
}

#[test]
fn algorithms_are_compared_and_tuned() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    counts(place);
    let task = "--target state --task classification --cv 3";
    let said = shelf(place, &format!("compare counts.csv {task} --models knn,decision_tree --json compared.json"), 0);
    assert_eq!(json(place, "compared.json")["comparison"][0]["model"], "decision_tree", "{said}");
    for method in ["grid_search", "random_search", "optuna"] {
        shelf(
            place,
            &format!("tune counts.csv {task} --algorithm knn --method {method} --trials 12 --json tuned.json"),
            0,
        );
        let tuned = json(place, "tuned.json");
        assert!(tuned["results"]["best"]["hyperparameters"]["n_neighbors"].is_number(), "{tuned}");
    }
}

#[test]
fn features_of_series_are_added() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    counts(place);
    let schema = r#"{"organizationId": "o", "schemaConfig": {"continuousColumns": ["facings"], "lagSeconds": [3600], "rollingWindows": [5]}}"#;
    fs::write(place.join("schema.json"), schema).expect("writable");
    shelf(place, "features counts.csv --schema schema.json --time time --series shelf --output features.csv", 0);
    let head = fs::read_to_string(place.join("features.csv")).expect("it was written");
    for name in ["facings_lag_3600s", "facings_roll_5_median", "facings_since_rise", "time_week_cos"] {
        assert!(head.lines().next().is_some_and(|head| head.contains(name)), "{name}");
    }
}

#[test]
fn what_cannot_be_done_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    counts(place);
    fs::write(place.join("empty.csv"), "").expect("writable");
    fs::write(place.join("model.json"), "{\"format\": 7}").expect("writable");
    for (arguments, expected) in [
        ("describe none.csv", "cannot read none.csv"),
        ("describe empty.csv", "the file is empty"),
        ("describe .", "is no regular file"),
        ("describe counts.csv --type sku=text", "there is no column \"sku\""),
        ("clean counts.csv --missing guess --output x.csv", "unknown variant `guess`"),
        (
            "train counts.csv --target state --task regression --algorithm ridge --output m.json",
            "holds text, but numbers",
        ),
        (
            "train counts.csv --target store --task classification --algorithm knn --output m.json",
            "has one class, \"1\"",
        ),
        (
            "train counts.csv --target state --task classification --algorithm oracle --output m.json",
            "there is no algorithm \"oracle\"",
        ),
        (
            "train counts.csv --target state --task classification --algorithm svm --set C=cheap --output m.json",
            "hyperparameters of svm",
        ),
        ("predict counts.csv --model model.json", "the model file has format 7"),
        ("predict counts.csv --model counts.csv", "not a model file"),
    ] {
        let said = shelf(place, arguments, 2);
        assert!(said.contains(expected), "{arguments}: {said}");
    }
    assert!(!place.join("m.json").exists() && !place.join("x.csv").exists(), "nothing half done");
}
