//! `shelf org` as a person uses it: the example from its raw rows to the version that serves, and what stops on the way.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vision::Sha256;

use crate::shelf::runs_in;

fn org(folder: &Path, arguments: &str, code: i32) -> String {
    runs_in(folder, &format!("org {arguments}"), code)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("it was written")).expect("it is JSON")
}

fn write(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).expect("writable");
}

/// The example with a smaller table and a shorter search.
fn example(folder: &Path) -> Value {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/org");
    let visits = Command::new("awk")
        .args(["-v", "shelves=12", "-v", "visits=50", "-f"])
        .arg(example.join("visits.awk"))
        .output()
        .expect("awk runs");
    assert!(visits.status.success());
    fs::write(folder.join("visits.csv"), visits.stdout).expect("writable");
    let mut config = read(&example.join("config.json"));
    config["trainConfig"]["tuning"] = json!({ "method": "random_search", "trials": 3, "cv": 3 });
    config["trainConfig"]["hyperparameters"] = json!({ "n_estimators": 30 });
    config["validationConfig"] = json!({ "minimum": { "roc_auc": 0.7 } });
    write(&folder.join("config.json"), &config);
    config
}

#[test]
fn from_raw_rows_to_the_version_that_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let mut config = example(place);
    assert!(org(place, "train config.json", 2).contains("`shelf org data-prep` makes it"));
    assert!(org(place, "validate config.json visits.csv", 2).contains("has no version yet"));

    let said = org(place, "data-prep config.json", 0);
    assert!(said.contains("600 of 600 rows"), "{said}");
    let prepared = read(&place.join("data/acme/prepared.json"));
    assert_eq!((&prepared["train"]["rows"], &prepared["test"]["rows"]), (&json!(480), &json!(120)));
    let header = fs::read_to_string(place.join("data/acme/train.csv")).expect("it was written");
    assert!(
        header
            .lines()
            .next()
            .is_some_and(|line| line.contains("facings_lag_86400s") && line.contains("facings_roll_6_mean"))
    );

    org(place, "tune config.json data/acme/train.csv", 0);
    let tuned = place.join("artifacts/acme/v1/hyperparameter_results");
    assert_eq!(read(&tuned.join("trials.json"))["trials"].as_array().map(Vec::len), Some(3));
    assert!(fs::read_to_string(tuned.join("trials.svg")).expect("a chart").starts_with("<svg"));
    let said = org(place, "train config.json", 0);
    assert!(said.contains("hyperparameters from the search") && said.contains("validation rows"), "{said}");
    let version = place.join("models/acme/versions/v1");
    let metadata = read(&version.join("metadata.json"));
    assert_eq!((&metadata["version"], &metadata["tuned"]), (&json!("v1"), &json!(true)));
    assert_eq!(metadata["hyperparameters"], read(&tuned.join("best.json"))["hyperparameters"]);
    let features = metadata["features"].as_array().expect("features");
    assert!(
        features.iter().all(|name| !["time", "store", "shelf"].contains(&name.as_str().expect("a name"))),
        "{features:?}"
    );
    let logs = place.join("artifacts/acme/v1/training_logs");
    assert!(fs::read_to_string(logs.join("steps.csv")).expect("a log").lines().count() > 5);
    assert!(logs.join("importance.svg").exists() && logs.join("learning.svg").exists());

    let current = place.join("models/acme/current");
    let judge = "validate config.json data/acme/test.csv";
    org(place, &format!("{judge} --no-publish"), 0);
    assert!(!current.exists());
    assert!(org(place, "validate config.json data/acme/train.csv", 1).contains("learned from this very table"));
    assert!(!current.exists());
    let said = org(place, judge, 0);
    assert!(said.contains("v1 serves") && said.contains("ROC-AUC") && said.contains("latency of a row"), "{said}");
    let plots = place.join("artifacts/acme/v1/validation_plots");
    for chart in ["roc.svg", "confusion.svg", "thresholds.svg", "robustness.svg"] {
        assert!(plots.join(chart).exists(), "{chart}");
    }
    assert!(fs::read_to_string(plots.join("report.html")).expect("a page").contains("ROC-AUC"));
    let served = read(&current.join("metadata.json"));
    assert!(served["metrics"]["roc_auc"].as_f64().is_some_and(|auc| auc > 0.7), "{served}");
    for name in ["model.onnx", "scaler.json"] {
        let bytes = fs::read(current.join(name)).expect("it was published");
        assert_eq!(served["files"][name], json!(Sha256::of(&bytes)), "{name}");
    }

    // A second version that misses its bounds changes nothing, and one that was interrupted while it was published is made good.
    org(place, "train config.json", 0);
    config["validationConfig"] = json!({ "minimum": { "roc_auc": 0.99999 }, "maximum": { "log_loss": 0.0 } });
    write(&place.join("config.json"), &config);
    let said = org(place, judge, 1);
    assert!(
        said.contains("missed: roc_auc is")
            && said.contains("missed: log_loss is")
            && said.contains("v2 is not published"),
        "{said}"
    );
    assert_eq!(read(&current.join("metadata.json"))["version"], "v1");
    config["validationConfig"] = json!({});
    write(&place.join("config.json"), &config);
    fs::rename(&current, current.with_file_name("previous")).expect("as a kill would leave it");
    fs::create_dir_all(current.with_file_name("next.partial")).expect("made");
    org(place, judge, 0);
    assert_eq!(read(&current.join("metadata.json"))["version"], "v2");
    org(place, &format!("{judge} --of v1"), 0);
    assert_eq!(read(&current.join("metadata.json"))["version"], "v1");
    assert!(org(place, &format!("{judge} --of v7"), 2).contains("there are: v1, v2"));

    fs::remove_file(version.join("model.onnx")).expect("it was there");
    org(place, "convert-onnx config.json models/acme/versions/v1/model.json data/acme/test.csv", 0);
    assert!(version.join("model.onnx").exists());
}

#[test]
fn what_cannot_be_done_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let good = example(place);
    let refused = |change: &dyn Fn(&mut Value), part: &str| {
        let mut config = good.clone();
        change(&mut config);
        write(&place.join("bad.json"), &config);
        let said = org(place, "data-prep bad.json", 2);
        assert!(said.contains(part), "{part:?} is not in {said}");
        assert!(!place.join("data").exists());
    };
    refused(&|config| config["organizationId"] = json!("../else"), "folders are called by it");
    refused(&|config| config["organizationId"] = json!(""), "organizationId is \"\"");
    refused(&|config| config["trainConfig"]["algorithm"] = json!("magic"), "no configuration of an organisation");
    refused(&|config| config["more"] = json!(1), "unknown field `more`");
    refused(&|config| config["validationConfig"] = json!({ "minimum": { "acuracy": 0.5 } }), "the metric \"acuracy\"");
    refused(&|config| config["dataConfig"]["testSize"] = json!(1.5), "testSize is 1.5");
    refused(&|config| config["dataConfig"]["file"] = json!("nothing.csv"), "nothing.csv");
    refused(&|config| config["dataConfig"]["dropColumns"] = json!(["colour"]), "dropColumns");
    refused(&|config| config["schemaConfig"]["rollingWindows"] = json!([1]), "a rolling window has 1 rows");
    fs::write(place.join("bad.json"), "{").expect("writable");
    assert!(org(place, "data-prep bad.json", 2).contains("no configuration of an organisation"));
    assert!(org(place, "tune config.json nothing.csv", 2).contains("nothing.csv"));
}
