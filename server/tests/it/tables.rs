//! Tables over HTTP: uploaded, looked at, cleaned, split; and what is refused.

use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use store::access::Role;

use crate::access::{Guarded, HOME, key, operator};
use crate::harness::Problem;

/// Flowers of two kinds that a line tells apart; one value is missing.
pub(crate) fn flowers(rows: usize) -> String {
    let mut csv = "length,width,species\n".to_owned();
    for row in 0..rows {
        let (kind, shift) = if row % 2 == 0 { ("setosa", 0.0) } else { ("virginica", 3.0) };
        let width = if row == 4 { String::new() } else { format!("{:.2}", 0.2 + shift + (row % 5) as f64 / 10.0) };
        csv += &format!("{:.2},{width},{kind}\n", 1.0 + shift + (row * 7 % 11) as f64 / 10.0);
    }
    csv
}

pub(crate) fn form(csv: impl Into<Vec<u8>>) -> Form {
    Form::new().part("file", Part::bytes(csv.into()).file_name("flowers.csv"))
}

pub(crate) async fn ok(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

pub(crate) async fn refused(request: RequestBuilder) -> (u16, String, String) {
    let problem = Problem::of(request.send().await.expect("an answer")).await;
    (problem.status, problem.kind.trim_start_matches("/problems/").to_owned(), problem.detail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_uploaded_looked_at_cleaned_and_split() {
    let (place, _) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let engineer = key(store, HOME, "eve", Role::Engineer).await;
    let post = |path: &str| server.post(path).bearer_auth(&engineer);
    let get = |path: &str| server.client.get(server.url(path)).bearer_auth(&engineer);

    let uploaded =
        ok(post("/api/ml/datasets/upload").multipart(form(flowers(60)).text("target_column", "species"))).await;
    let id = uploaded["dataset_id"].as_str().expect("an id").to_owned();
    let version = uploaded["version"].clone();
    assert_eq!(
        uploaded,
        json!({
            "dataset_id": id, "name": "flowers", "rows": 60, "columns": 3, "column_names": ["length", "width", "species"],
            "missing_values": {"length": 0, "width": 1, "species": 0}, "version": version,
            "bad_rows": {"count": 0, "first": []}, "infinite": {},
        })
    );
    let shown = ok(get(&format!("/api/ml/datasets/{id}"))).await;
    assert_eq!((&shown["rows"], &shown["columns"], &shown["version"]), (&json!(60), &json!(3), &version));
    assert_eq!(shown["dtypes"], json!({"length": "float64", "width": "float64", "species": "object"}));
    assert_eq!((&shown["missing_values"]["width"], &shown["parent"]), (&json!(1), &Value::Null));
    let stats = shown["numeric_stats"]["length"].as_object().expect("statistics");
    let mut names: Vec<&str> = stats.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["max", "mean", "min", "p25", "p50", "p75", "std"]);
    assert_eq!((&shown["classes"], &shown["target_column"]), (&json!(["setosa", "virginica"]), &json!("species")));
    assert_eq!(shown["sha256"].as_str().map(str::len), Some(64));

    let clean =
        json!({"dataset_id": id, "missing_strategy": "median", "outlier_method": "iqr", "outlier_threshold": 3.0});
    let cleaned = ok(post("/api/ml/data/clean").json(&clean)).await;
    assert_eq!(
        (cleaned["status"].as_str(), &cleaned["original_rows"], &cleaned["cleaned_rows"]),
        (Some("success"), &json!(60), &json!(60))
    );
    let clean_id = cleaned["cleaned_dataset_id"].as_str().expect("an id");
    assert_eq!(ok(get(&format!("/api/ml/datasets/{clean_id}"))).await["parent"], id.as_str());

    let select = json!({"dataset_id": clean_id, "target_column": "species", "method": "mutual_info", "n_features": 1, "task_type": "classification"});
    let selected = ok(post("/api/ml/data/select-features").json(&select)).await;
    assert_eq!(
        (selected["status"].as_str(), selected["selected_features"].as_array().map(Vec::len)),
        (Some("success"), Some(1))
    );
    assert_eq!(selected["feature_importance"].as_array().map(Vec::len), Some(1));

    let split = json!({"dataset_id": clean_id, "target_column": "species", "test_size": 0.2, "validation_size": 0.1, "stratify": true});
    let parts = ok(post("/api/ml/data/split").json(&split).header("idempotency-key", "s1")).await;
    let samples =
        ["train_samples", "validation_samples", "test_samples"].map(|part| parts[part].as_u64().expect("a number"));
    assert_eq!(samples, [42, 6, 12]);
    assert_eq!(ok(post("/api/ml/data/split").json(&split).header("idempotency-key", "s1")).await, parts, "sent twice");
    let listed = ok(get("/api/ml/datasets")).await;
    let listed = listed.as_array().expect("an array");
    assert_eq!(listed.len(), 6);
    assert!(
        listed.iter().all(|set| set["dataset_id"].is_string() && set["rows"].is_u64() && set["created_at"].is_string())
    );
    assert_eq!(store.verify_audit().await.expect("verified").faults, []);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_tables_are_clear_problems() {
    let (place, admin) = Guarded::with(|config| {
        config.tables.upload_bytes = 200_000;
        config.tables.table.max_columns = 100;
    })
    .await;
    let server = &place.server;
    let post = |path: &str| server.post(path).bearer_auth(&admin);
    let upload = |form: Form| post("/api/ml/datasets/upload").multipart(form);
    let wide = format!("{}\n{}\n", vec!["c"; 30_000].join(","), vec!["1"; 30_000].join(","));
    for (file, status, kind, named) in [
        (Vec::new(), 422, "unreadable-table", "empty"),
        (b"a,b\n".to_vec(), 422, "unreadable-table", "no row of data"),
        (b"PK\x03\x04bomb".to_vec(), 422, "unreadable-table", "damaged"),
        (b"PAR1....PAR1".to_vec(), 415, "unsupported-table", "Parquet"),
        (wide.into_bytes(), 413, "table-too-large", "30000 columns; 100"),
        (vec![b'1'; 200_001], 413, "table-too-large", "200000 bytes"),
    ] {
        let (found, slug, detail) = refused(upload(form(file))).await;
        assert_eq!((found, slug.as_str()), (status, kind), "{named}: {detail}");
        assert!(detail.contains(named), "{named:?} gave: {detail}");
    }
    for (wrong, named) in [
        (Form::new().text("name", "x"), "no field file"),
        (form("a\n1\n").text("shape", "wide"), "there are file, name and target_column"),
        (form("a\n1\n").part("file", Part::bytes(b"a\n1\n".as_slice())), "more than one field file"),
        (form("a\n1\n").text("name", "x".repeat(5_000)), "longer than 4096 bytes"),
    ] {
        let (status, slug, detail) = refused(upload(wrong)).await;
        assert_eq!((status, slug.as_str()), (400, "malformed-body"), "{detail}");
        assert!(detail.contains(named), "{named:?} gave: {detail}");
    }
    assert_eq!(refused(post("/api/ml/datasets/upload").json(&json!({}))).await.1, "unsupported-content-type");
    // A form that is cut off before its end.
    let cut = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\na,b\n1,2\n";
    let cut = post("/api/ml/datasets/upload").header("content-type", "multipart/form-data; boundary=b").body(cut);
    assert_eq!(refused(cut).await.1, "malformed-body");
    let (_, slug, detail) = refused(upload(form("a\n1\n").text("target_column", "b"))).await;
    assert_eq!((slug.as_str(), detail.contains("no column \"b\"")), ("unfit-table", true), "{detail}");
    let get = |path: &str| server.client.get(server.url(path)).bearer_auth(&admin);
    assert_eq!(ok(get("/api/ml/datasets")).await, json!([]), "nothing half done");

    // What is read in spite of how it looks: a mark, CRLF, quotes, ragged rows, infinities.
    let odd = "\u{feff}\"a,1\",when,=SUM(A1)\r\n1,2026-11-30,x\r\n2,30.11.2026\r\ninf,soon,\"y\"\"\"\r\n";
    let set = ok(upload(form(odd))).await;
    assert_eq!(
        (&set["rows"], &set["bad_rows"]["first"][0]["line"], &set["infinite"]),
        (&json!(2), &json!(3), &json!({"a,1": 1}))
    );
    let id = set["dataset_id"].as_str().expect("an id");
    for (path, body, status, kind) in [
        ("clean", json!({"dataset_id": id, "outlier_method": "iqr", "outlier_threshold": 0}), 422, "unfit-table"),
        ("clean", json!({"dataset_id": id, "missing_strategy": "guess"}), 400, "malformed-body"),
        ("clean", json!({"dataset_id": "nobody"}), 404, "unknown-data-set"),
        ("clean", json!({"dataset": id}), 400, "malformed-body"),
        (
            "split",
            json!({"dataset_id": id, "target_column": "when", "test_size": 0.9, "validation_size": 0.2}),
            422,
            "unfit-table",
        ),
        ("split", json!({"dataset_id": id, "target_column": "nothing"}), 422, "unfit-table"),
        ("split", json!({"dataset_id": id}), 422, "bad-parameter"),
        (
            "select-features",
            json!({"dataset_id": id, "target_column": "when", "method": "rfe", "n_features": 99, "task_type": "classification"}),
            422,
            "unfit-table",
        ),
    ] {
        let (found, slug, detail) = refused(post(&format!("/api/ml/data/{path}")).json(&body)).await;
        assert_eq!((found, slug.as_str()), (status, kind), "{path} {body}: {detail}");
    }

    // Of another organisation, nothing is there; and who only looks may not change.
    let brand = place.store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(&place.store, &brand.id, "admin", Role::Admin).await;
    let theirs = server.client.get(server.url(&format!("/api/ml/datasets/{id}"))).bearer_auth(&stranger);
    assert_eq!(refused(theirs).await.1, "unknown-data-set");
    let theirs = server.post("/api/ml/data/clean").bearer_auth(&stranger).json(&json!({"dataset_id": id}));
    assert_eq!(refused(theirs).await.1, "unknown-data-set");
    let viewer = key(&place.store, HOME, "vic", Role::Viewer).await;
    let looking = server.post("/api/ml/datasets/upload").bearer_auth(&viewer).multipart(form("a\n1\n"));
    assert_eq!(refused(looking).await.1, "forbidden");
    assert_eq!(place.status("/skus", &admin).await, 200, "it goes on serving");
    place.server.end().await.expect("a clean end");
}
