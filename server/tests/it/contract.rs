//! What clients rely on changes only on purpose. `UPDATE_SNAPSHOTS=1` rewrites the committed copies.

use std::fs;
use std::path::Path;

use base64::Engine;
use serde_json::{Value, json};

use crate::harness::Server;
use crate::photos;

/// Compares with a committed file; `path` starts at this crate.
fn snapshot(path: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|v| v == "1") {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        fs::write(&path, actual).expect("the snapshot can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differing = expected.lines().zip(actual.lines()).enumerate().find(|(_, (a, b))| a != b);
    assert!(
        expected == actual,
        "{} differs from what the server says; `make snapshots` rewrites it. First difference: {differing:?}",
        path.display()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_snapshot() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let server = crate::review_server::server(place.path()).await;
    server.recognise().await;
    let queue = server.json("/v2/active-learning-queue").await;
    let items = queue["items"].as_array().expect("a list");
    let crop = items[0]["crop"].as_str().and_then(|url| url.rsplit('/').next()).expect("a digest");
    let said = |path: &str| match path {
        "/v2/active-learning/label" => json!({"item_id": items[0]["id"], "sku_id": 1}),
        "/v2/active-learning/label/bulk" => json!({"item_ids": [items[1]["id"]], "sku_id": 1}),
        "/v2/active-learning/comment" => json!({"item_id": items[0]["id"], "text": "hello"}),
        _ => json!({}),
    };
    let text = server.text("/openapi.json").await;
    snapshot("../docs/openapi.json", &text);
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    // Every path of the document answers, and says what it may.
    for (path, operations) in document["paths"].as_object().expect("paths") {
        // What needs models or data sets to be there is asked in `ml` and `tables`, and by the factory of `tools`.
        // What needs photos to be kept, in `kept`; what needs keys, in `admin`.
        if ["/api/ml/", "/api/admin/", "/datasets/", "/v2/photos/", "/review/verify/"]
            .iter()
            .any(|prefix| path.starts_with(prefix))
        {
            continue;
        }
        for (method, operation) in operations.as_object().expect("operations") {
            let filled = path.replace("{item}", items[0]["id"].as_str().expect("an id")).replace("{digest}", crop);
            let request = match method.as_str() {
                "post" if path == "/v2/recognize" => server.post(path).body(photos::jpeg()),
                "post" if path == "/predict" => {
                    let image = base64::engine::general_purpose::STANDARD.encode(photos::jpeg());
                    server.post(path).json(&json!({ "images": [image] }))
                }
                "post" if path == "/v2/recognize/batch" => {
                    let form = reqwest::multipart::Form::new();
                    server.post(path).multipart(form.part("image", reqwest::multipart::Part::bytes(photos::jpeg())))
                }
                "post" => server.post(path).json(&said(path)),
                _ => server.client.get(server.url(&filled)),
            };
            let status = request.send().await.expect(path).status().as_u16();
            assert_eq!(status, 200, "{method} {path}");
            assert!(operation["responses"].get("200").is_some(), "{method} {path}");
        }
    }
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_snapshot() {
    let server = Server::start().await;
    let request =
        server.post("/v2/recognize?return_embeddings=true").header("x-request-id", "snapshot").body(photos::png());
    let mut answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let times = answer["timing_ms"].as_object_mut().expect("times");
    for (stage, time) in times.iter_mut() {
        assert!(time.as_f64().is_some_and(|ms| (0.0..60_000.0).contains(&ms)), "{stage}: {time}");
        *time = json!(0.0);
    }
    snapshot("tests/it/snapshots/recognize.json", &(serde_json::to_string_pretty(&answer).expect("JSON") + "\n"));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problem_snapshot() {
    let server = Server::start().await;
    let request = server.post("/v2/recognize?conf=1.5").header("x-request-id", "snapshot").body(photos::png());
    let problem: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    snapshot("tests/it/snapshots/problem.json", &(serde_json::to_string_pretty(&problem).expect("JSON") + "\n"));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docs_can_be_switched_off() {
    let mut config = crate::harness::config();
    config.docs = false;
    let server = Server::with(config).await;
    for path in ["/docs", "/docs/", "/openapi.json"] {
        assert_eq!(server.get(path).await.status(), 404, "{path}");
    }
    assert!(!server.text("/").await.contains("/docs"));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docs_come_from_this_server_alone() {
    let server = Server::start().await;
    let page = server.text("/docs/").await;
    assert!(page.contains("swagger-ui"));
    let script = server.text("/docs/swagger-initializer.js").await;
    assert!(script.contains("/openapi.json") && script.contains("\"none\""), "{script}");
    for text in [page, script] {
        assert!(!text.contains("//cdn") && !text.contains("https://validator"), "{text}");
    }
    server.end().await.expect("a clean end");
}
