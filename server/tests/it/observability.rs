//! What operators see: metrics, request ids, headers.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::harness::{Problem, Server};
use crate::photos;

/// `name{labels}` -> value; checks the form of every line on the way.
fn parse(text: &str) -> HashMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "OpenMetrics ends with EOF");
    let mut series = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect(line);
        let bare = name.split('{').next().expect(line);
        assert!(bare.starts_with("shelf_") || bare.starts_with("process_"), "{line}");
        assert!(bare.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{line}");
        let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(series.insert(name.to_owned(), value).is_none(), "twice: {line}");
    }
    series
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_move() {
    let server = Server::start().await;
    let before = parse(&server.text("/metrics").await);
    server.assert_serves().await;
    server.assert_serves().await;
    let refused = server.photo(photos::GIF.to_vec()).send().await.expect("an answer");
    assert_eq!(refused.status(), 415);
    server.get("/nowhere/4711").await;
    // A refusal is counted after it is told.
    let refusals = "shelf_recognitions_total{outcome=\"bad_photo\"}";
    let begin = std::time::Instant::now();
    while parse(&server.text("/metrics").await).get(refusals) == before.get(refusals) && begin.elapsed().as_secs() < 5 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let response = server.get("/metrics").await;
    assert_eq!(response.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let after = parse(&response.text().await.expect("text"));

    let moved = |name: &str, by: f64| {
        let value = |series: &HashMap<String, f64>| series.get(name).copied().unwrap_or(0.0);
        assert_eq!(value(&after) - value(&before), by, "{name}");
    };
    moved("shelf_http_requests_total{method=\"POST\",route=\"/v2/recognize\",status=\"200\"}", 2.0);
    moved("shelf_http_requests_total{method=\"POST\",route=\"/v2/recognize\",status=\"415\"}", 1.0);
    moved("shelf_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"}", 1.0);
    moved("shelf_http_request_duration_seconds_count{route=\"/v2/recognize\"}", 3.0);
    moved("shelf_recognitions_total{outcome=\"ok\"}", 2.0);
    moved("shelf_recognitions_total{outcome=\"bad_photo\"}", 1.0);
    moved("shelf_facings_total{status=\"known\"}", 10.0);
    moved("shelf_facings_total{status=\"unknown\"}", 2.0);
    moved("shelf_facings_total{status=\"ambiguous\"}", 2.0);
    moved("shelf_batch_size_count", 3.0);
    moved("shelf_photo_size_bytes_count", 3.0);
    for stage in ["queue", "decode", "detect", "crop", "embed", "search", "total"] {
        moved(&format!("shelf_stage_duration_seconds_count{{stage=\"{stage}\"}}"), 2.0);
    }
    let is = |name: &str, value: f64| assert_eq!(after.get(name), Some(&value), "{name}");
    is("shelf_ready", 1.0);
    is("shelf_queue_depth", 0.0);
    is("shelf_queue_capacity", 64.0);
    is("shelf_gallery_skus", 3.0);
    is("shelf_gallery_exemplars", 3.0);
    is("shelf_http_requests_in_flight", 1.0);
    is(&format!("shelf_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0);
    if cfg!(target_os = "linux") {
        assert!(after["process_resident_memory_bytes"] > 1e6);
        assert!(after["process_cpu_seconds_total"] > 0.0);
    }
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_do_not_grow_with_what_clients_make_up() {
    let server = Server::start().await;
    for made_up in 0..20 {
        server.get(&format!("/nowhere/{made_up}")).await;
        let method = reqwest::Method::from_bytes(format!("MADE{made_up}").as_bytes()).expect("a method");
        server.client.request(method, server.url("/livez")).send().await.expect("an answer");
    }
    let series = parse(&server.text("/metrics").await);
    let requests = series.keys().filter(|name| name.starts_with("shelf_http_requests_total")).count();
    assert!(requests < 8, "{requests} series");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_have_names() {
    let server = Server::start().await;
    let named = |id: &str| server.photo(photos::jpeg()).header("x-request-id", id.to_owned());
    let response = named("store-17/cam_3").send().await.expect("an answer");
    assert_eq!(response.headers()["x-request-id"], "store-17/cam_3");
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["request_id"], "store-17/cam_3");

    for unfit in ["two words", "<b>", &"x".repeat(200)] {
        let response = named(unfit).send().await.expect("an answer");
        let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
        assert_ne!(id, unfit);
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'7'), "a UUID of version 7: {id}");
    }
    // Also on errors (`Problem::of` compares body and header).
    Problem::of(server.get("/nowhere").await).await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_guarded() {
    let server = Server::start().await;
    for path in ["/", "/livez", "/nowhere", "/problems", "/docs/", "/metrics"] {
        let response = server.get(path).await;
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        let script = policy.split(';').find(|part| part.trim().starts_with("script-src")).expect("scripts are ruled");
        assert_eq!(script.trim(), "script-src 'self'", "{path}");
        assert_eq!(path == "/docs/", policy.contains("unsafe-inline"), "{path}: only Swagger UI styles inline");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store", "{path}");
    }
    server.end().await.expect("a clean end");
}

/// Names of metrics that a file of `packaging/monitoring` asks for, without the endings of counters and histograms.
fn asked_for(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let series = words.filter(|word| word.starts_with("shelf_") || word.starts_with("process_"));
    let endings = ["_total", "_bucket", "_sum", "_count"];
    series.map(|name| endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dashboard_and_alerts_ask_for_what_is_there() {
    let server = Server::start().await;
    // Families without members are not listed.
    server.assert_serves().await;
    server.post("/v2/recognize").header("content-type", "application/json").body("{").send().await.expect("an answer");
    // Answers are counted once they are on their way.
    server
        .until("the answer is counted", async || server.text("/metrics").await.contains("shelf_recognitions_total{"))
        .await;
    let text = server.text("/metrics").await;
    let mut known: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    // This server has no review queue.
    known.extend(["shelf_review_queued", "shelf_review_labels", "shelf_review_lost"]);
    // Nor does it follow a registry or keep a log of answers: `swap` and `predictions` ask for these.
    known.extend(["shelf_swaps", "shelf_predictions", "shelf_drift_psi", "shelf_drift_skus"]);
    assert!(known.len() > 15, "{known:?}");
    for (file, text) in [
        ("alerts.yml", include_str!("../../../packaging/monitoring/alerts.yml")),
        ("alerts_test.yml", include_str!("../../../packaging/monitoring/alerts_test.yml")),
        ("dashboard.json", include_str!("../../../packaging/monitoring/dashboard.json")),
    ] {
        let asked = asked_for(text);
        assert!(asked.len() > 2, "{file}: {asked:?}");
        let unknown: Vec<_> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}, which the server does not have");
    }
    let dashboard: Value =
        serde_json::from_str(include_str!("../../../packaging/monitoring/dashboard.json")).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() > 8));
    server.end().await.expect("a clean end");
}
