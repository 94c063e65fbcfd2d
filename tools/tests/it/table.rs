//! `shelf table` as a person uses it: exit codes, messages, files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use store::access::DEFAULT_ORGANISATION;
use store::predictions::NewPrediction;
use store::{Store, StoreSettings};
use vision::{Sha256, SkuId};

use crate::shelf::{Workplace, runs_in};

fn shelf(folder: &Path, arguments: &str, code: i32) -> String {
    runs_in(folder, &format!("table {arguments}"), code)
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
            "train parts/train.csv {task} --algorithm gradient_boosting --set n_estimators=20 --output state.json --json trained.json --report trained.html"
        ),
        0,
    );
    assert!(said.contains("accuracy"), "{said}");
    let trained = json(place, "trained.json");
    assert!(trained["results"]["evaluation"]["accuracy"].as_f64().is_some_and(|accuracy| accuracy > 0.9), "{trained}");
    assert_eq!(trained["results"]["training_history"].as_array().map(Vec::len), Some(20));

    let page = fs::read_to_string(place.join("trained.html")).expect("a page");
    assert!(
        page.contains("gradient_boosting of state")
            && page.contains("id=\"confusion\"")
            && page.contains("id=\"learning\"")
    );
    let said = shelf(place, "validate parts/test.csv --model state.json --json judged.json --report judged.html", 0);
    assert!(said.contains("judged by 48 rows") && said.contains("latency of a row"), "{said}");
    let judged = json(place, "judged.json");
    assert_eq!(judged["results"]["validation_summary"]["learned_from_this"], false);
    assert!(judged["results"]["evaluation"]["accuracy"].as_f64().is_some_and(|accuracy| accuracy > 0.9), "{judged}");
    assert!(judged["results"]["latency"]["p99_us"].as_f64().is_some_and(|time| time > 0.0));
    let said = shelf(place, "validate parts/train.csv --model state.json", 0);
    assert!(said.contains("learned from this very table"), "{said}");
    let foreign = fs::read_to_string(place.join("parts/test.csv")).expect("it was written").replace(",full", ",stolen");
    fs::write(place.join("foreign.csv"), foreign).expect("writable");
    let said = shelf(place, "validate foreign.csv --model state.json", 2);
    assert!(said.contains("of class \"stolen\", which the model does not know; it knows full, low, ok"), "{said}");

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

#[test]
fn shelves_are_foretold() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let said = shelf(place, "synthetic --shelves 4 --skus 5 --days 100 --output counts.csv", 0);
    assert!(said.contains("synthetic rows"), "{said}");
    let said = shelf(place, "forecast counts.csv --output refill.csv --json refill.json --first 3", 0);
    for part in ["SYNTHETIC", "a day are taken", "as many as last time", "90 % held", "20 places"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let told = json(place, "refill.json");
    assert_eq!((&told["synthetic"], told["outlooks"].as_array().map(Vec::len)), (&true.into(), Some(20)));
    let coverage = told["measured"]["model"]["coverage"].as_f64().expect("a number");
    assert!((0.84..=0.96).contains(&coverage), "{coverage}");
    let table = fs::read_to_string(place.join("refill.csv")).expect("it was written");
    assert!(table.lines().nth(1).is_some_and(|row| row.ends_with("synthetic counts")), "{table}");
    // The table is one like others.
    shelf(place, "describe refill.csv", 0);
    counts(place);
    fs::write(place.join("few.csv"), "time,store,shelf,sku,facings\n2026-01-01,a,b,c,1\n").expect("writable");
    for (arguments, expected) in [
        ("forecast counts.csv --output x.csv", "a table of counts is needed: there is no column \"sku\"".to_owned()),
        ("forecast few.csv --output x.csv", "200 are needed".to_owned()),
        ("forecast refill.csv --level 7", "0.5 to 0.99".to_owned()),
        ("synthetic --skus 1000 --output x.csv", "400 SKUs".to_owned()),
    ] {
        let said = shelf(place, arguments, 2);
        assert!(said.contains(&expected), "{arguments}: {said}");
    }
    assert!(!place.join("x.csv").exists(), "nothing half done");
}

#[test]
fn counts_come_out_of_the_store() {
    let place = Workplace::empty();
    place.write_config(Path::new("detector.onnx"), Path::new("embedder.onnx"));
    let settings = StoreSettings {
        database: format!("sqlite:{}", place.path("shelf.db").display()).into(),
        objects: place.path("objects").display().to_string(),
        ..StoreSettings::default()
    };
    let told = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("DATABASE_URL", settings.database.expose()).env("OBJECTS_URL", &settings.objects);
        let Output { status, stdout, stderr } = command.output().expect("it runs");
        (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
    };
    let output = place.path("counts.csv").display().to_string();
    let (code, said) = told(&["table", "counts", "--output", &output]);
    assert_eq!((code, said.contains("nothing was counted")), (Some(2), true), "{said}");
    let photo = |at: i64, counts: &[(u32, u32)]| NewPrediction {
        organisation: DEFAULT_ORGANISATION.to_owned(),
        at,
        request_id: format!("r{at}"),
        release: "shelf@1".to_owned(),
        arm: None,
        store: Some("Main, North".to_owned()),
        shelf: Some("a".to_owned()),
        taken_at: None,
        photo: Sha256([7; 32]),
        latency_ms: 12.0,
        facings: 9,
        unknown: 2,
        counts: counts.iter().map(|(sku, count)| (SkuId(*sku), *count)).collect(),
        signals: Vec::new(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&settings).await.expect("opened");
        let photos = vec![photo(1_000, &[(901, 7)]), photo(86_400_000, &[(902, 1)])];
        store.log_predictions(photos).await.expect("written");
        store.close().await;
    });
    let (code, said) = told(&["table", "counts", "--output", &output]);
    assert_eq!((code, said.contains("3 rows")), (Some(0), true), "{said}");
    let text = fs::read_to_string(&output).expect("it was written");
    assert_eq!(
        text.lines().skip(1).collect::<Vec<_>>(),
        [
            "1970-01-01T00:00:01Z,\"Main, North\",a,#901,7,9,2,shelf@1",
            "1970-01-02T00:00:00Z,\"Main, North\",a,#901,0,9,2,shelf@1",
            "1970-01-02T00:00:00Z,\"Main, North\",a,#902,1,9,2,shelf@1",
        ]
    );
    let (code, said) = told(&["table", "counts", "--output", &output, "--until", "1970-01-02"]);
    assert_eq!((code, said.contains("1 rows")), (Some(0), true), "{said}");
    let (code, said) = told(&["table", "counts", "--output", &output, "--org", "nobody"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = told(&["table", "counts", "--output", &output, "--from", "yesterday"]);
    assert_eq!((code, said.contains("2026-11-30")), (Some(2), true), "{said}");
}

#[test]
fn every_model_is_exported_and_tells_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    counts(place);
    let few = "--set n_estimators=8";
    let lists = |algorithms: &[(&str, &str)], task: &str, target: &str| {
        for (algorithm, set) in algorithms {
            let train = format!(
                "train counts.csv --target {target} --task {task} --algorithm {algorithm} {set} --output m.json"
            );
            shelf(place, &train, 0);
            let said = shelf(place, "export m.json --sample counts.csv --output m.onnx --json export.json", 0);
            assert!(said.contains("0 labels differ"), "{algorithm}: {said}");
            let told = json(place, "export.json");
            assert_eq!(told["rows_compared"], 240, "{algorithm}");
            assert!(told["largest_difference"].as_f64().is_some_and(|off| off < 1e-5), "{algorithm}: {told}");
            // And on rows that lie elsewhere.
            shelf(place, "export m.json --output m.onnx", 0);
            fs::remove_file(place.join("m.onnx")).expect("it was written");
        }
    };
    let of_classes = [
        ("random_forest", few),
        ("gradient_boosting", few),
        ("adaboost", few),
        ("decision_tree", ""),
        ("logistic", ""),
        ("svm", ""),
        ("svm", "--set kernel=poly --set coef0=1"),
        ("knn", "--set weights=distance"),
        ("naive_bayes", ""),
        ("voting", "--set vote=hard"),
        ("voting", ""),
        ("stacking", "--set cv=3"),
        ("bagging", "--set n_estimators=3"),
    ];
    lists(&of_classes, "classification", "state");
    let of_numbers = [
        ("random_forest", few),
        ("gradient_boosting", few),
        ("adaboost", few),
        ("ridge", ""),
        ("lasso", "--set alpha=0.01"),
        ("elasticnet", "--set alpha=0.01"),
        ("svr", ""),
        ("svr", "--set kernel=linear"),
        ("knn", ""),
        ("stacking", "--set cv=3"),
    ];
    lists(&of_numbers, "regression", "facings");
    if tabular_libraries() {
        for (task, target) in [("classification", "state"), ("regression", "facings")] {
            lists(&[("lightgbm", few), ("xgboost", few)], task, target);
        }
    }
    fs::write(place.join("model.json"), "{\"format\": 7}").expect("writable");
    let said = shelf(place, "export model.json --output x.onnx", 2);
    assert!(said.contains("format 7") && !place.join("x.onnx").exists(), "{said}");
}

/// Whether LightGBM and XGBoost are there, below the repository.
fn tabular_libraries() -> bool {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.runtime");
    let there =
        ["lightgbm/lib/lib_lightgbm.so", "xgboost/lib/libxgboost.so"].iter().all(|file| runtime.join(file).is_file());
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "`make setup` fetches LightGBM and XGBoost");
    if !there {
        eprintln!("SKIPPED: LightGBM and XGBoost are not there (`make setup` fetches them)");
    }
    there
}

#[test]
fn a_library_that_is_not_there_is_named_with_what_helps() {
    let folder = tempfile::tempdir().expect("a folder");
    counts(folder.path());
    for (algorithm, variable) in [("lightgbm", "LIGHTGBM_DYLIB_PATH"), ("xgboost", "XGBOOST_DYLIB_PATH")] {
        for library in ["/nowhere/lib.so", "counts.csv"] {
            let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_shelf"))
                .args([
                    "table",
                    "train",
                    "counts.csv",
                    "--target",
                    "state",
                    "--task",
                    "classification",
                    "--output",
                    "m.json",
                ])
                .args(["--algorithm", algorithm])
                .env(variable, library)
                .current_dir(folder.path())
                .output()
                .expect("it runs");
            let said = String::from_utf8_lossy(&stderr).into_owned();
            assert_eq!(status.code(), Some(2), "{said}");
            assert!(said.contains("needs its shared library"), "{said}");
            assert!(library == "counts.csv" || said.contains("make setup") && said.contains(variable), "{said}");
        }
    }
}
