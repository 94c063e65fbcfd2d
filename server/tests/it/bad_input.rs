//! Everything that is refused: status, type, a detail that names cause and remedy, and a server that goes on.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;

use crate::harness::{Problem, Server, config};
use crate::photos;

/// Longest a refusal may take: limits are checked before work is done.
const PROMPT: Duration = Duration::from_secs(2);

async fn check(server: &Server, what: &str, request: RequestBuilder, expected: (u16, &str), named: &[&str]) {
    let start = Instant::now();
    let problem = Problem::of(request.send().await.expect(what)).await;
    assert!(start.elapsed() < PROMPT, "{what}: it took {:?}", start.elapsed());
    let (status, slug) = expected;
    assert_eq!((problem.status, problem.kind.as_str()), (status, &*format!("/problems/{slug}")), "{what}: {problem:?}");
    for word in named {
        assert!(problem.detail.contains(word), "{what}: the detail does not name {word:?}: {}", problem.detail);
    }
    server.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_photos() {
    let server = Server::start().await;
    let jpeg = photos::jpeg();
    let form = |bytes: Vec<u8>| server.post("/v2/recognize").multipart(Form::new().part("image", Part::bytes(bytes)));
    let base64 = |bytes: &[u8]| server.post("/v2/recognize").json(&json!({"image": STANDARD.encode(bytes)}));
    let truncated = &jpeg[..jpeg.len() / 2];
    let png = photos::png();
    let mut damaged = png.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xa5);

    let unreadable = (400, "undecodable-picture");
    let other = (415, "unsupported-picture");
    let large = (413, "picture-too-large");
    check(
        &server,
        "truncated JPEG",
        server.photo(truncated.to_vec()),
        unreadable,
        &["JPEG", "truncated", "send the whole file"],
    )
    .await;
    check(&server, "truncated JPEG in a form", form(truncated.to_vec()), unreadable, &["truncated"]).await;
    check(&server, "truncated PNG", server.photo(png[..png.len() / 2].to_vec()), unreadable, &["PNG"]).await;
    check(&server, "damaged PNG", server.photo(damaged), unreadable, &["PNG", "damaged"]).await;
    check(&server, "empty", server.photo(Vec::new()), unreadable, &["empty"]).await;
    check(&server, "empty form field", form(Vec::new()), unreadable, &["empty"]).await;
    check(&server, "empty base64", base64(b""), unreadable, &["empty"]).await;
    check(&server, "1,000 scans", server.photo(photos::many_scans(1000)), unreadable, &["1000", "scans", "100"]).await;
    check(
        &server,
        "text",
        server.photo(b"The shelf is full of bottles.".to_vec()),
        other,
        &["text", "JPEG, PNG or WebP"],
    )
    .await;
    check(&server, "text in a form", form(b"just words".to_vec()), other, &["text"]).await;
    check(&server, "text as base64", base64(b"just words"), other, &["text"]).await;
    check(&server, "GIF", server.photo(photos::GIF.to_vec()), other, &["GIF", "JPEG, PNG or WebP"]).await;
    check(&server, "GIF in a form", form(photos::GIF.to_vec()), other, &["GIF"]).await;
    check(&server, "PDF", server.photo(b"%PDF-1.7\n".to_vec()), other, &["PDF"]).await;
    check(&server, "30,000 x 30,000", server.photo(photos::huge_png()), large, &["30000", "50", "smaller"]).await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests() {
    let mut config = config();
    config.max_body_bytes = 256 << 10;
    let server = Server::with(config).await;
    let jpeg = photos::jpeg();
    let post =
        |kind: &str, body: Vec<u8>| server.post("/v2/recognize").header("content-type", kind.to_owned()).body(body);
    let form = |form: Form| server.post("/v2/recognize").multipart(form);
    let part = || Part::bytes(photos::jpeg());

    let wrong_type = (415, "unsupported-content-type");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "video/mp4", "multipart/mixed; boundary=x"] {
        let named = [kind.split(';').next().expect("a type"), "multipart/form-data"];
        check(&server, kind, post(kind, jpeg.clone()), wrong_type, &named).await;
    }
    let missing = (400, "missing-picture");
    check(
        &server,
        "no field",
        post("multipart/form-data; boundary=x", b"--x--\r\n".to_vec()),
        missing,
        &["no field `image`", "curl"],
    )
    .await;
    check(
        &server,
        "two photos",
        form(Form::new().part("image", part()).part("image", part())),
        missing,
        &["one photo"],
    )
    .await;
    let malformed = (400, "malformed-body");
    check(&server, "nothing at all", form(Form::new()), malformed, &["form"]).await;
    check(
        &server,
        "field of another name",
        form(Form::new().part("file", part())),
        malformed,
        &["\"file\"", "`image`"],
    )
    .await;
    check(
        &server,
        "parameter as field",
        form(Form::new().part("image", part()).text("conf", "0.9")),
        malformed,
        &["\"conf\"", "URL"],
    )
    .await;
    check(&server, "no boundary", post("multipart/form-data", jpeg.clone()), malformed, &["boundary"]).await;
    check(&server, "not a form", post("multipart/form-data; boundary=x", jpeg.clone()), malformed, &["form"]).await;
    check(
        &server,
        "half a form",
        post(
            "multipart/form-data; boundary=x",
            b"--x\r\ncontent-disposition: form-data; name=\"image\"\r\n\r\nab".to_vec(),
        ),
        malformed,
        &["form"],
    )
    .await;
    check(&server, "broken JSON", post("application/json", b"{\"image\": ".to_vec()), malformed, &["JSON", "base64"])
        .await;
    check(&server, "no JSON", post("application/json", Vec::new()), malformed, &["JSON"]).await;
    check(&server, "no key", post("application/json", b"{}".to_vec()), malformed, &["image"]).await;
    check(&server, "wrong key", post("application/json", br#"{"img": ""}"#.to_vec()), malformed, &["img"]).await;
    check(&server, "number", post("application/json", br#"{"image": 5}"#.to_vec()), malformed, &["string"]).await;
    check(&server, "no base64", post("application/json", br#"{"image": "~~~"}"#.to_vec()), malformed, &["base64"])
        .await;
    check(
        &server,
        "URL",
        post("application/json", br#"{"image": "data:image/jpeg,xyz"}"#.to_vec()),
        malformed,
        &["data URL"],
    )
    .await;

    let large = (413, "body-too-large");
    let bytes = vec![7; 300 << 10];
    check(&server, "too large", post("image/jpeg", bytes.clone()), large, &["262144", "smaller"]).await;
    check(&server, "too large form", form(Form::new().part("image", Part::bytes(bytes.clone()))), large, &["262144"])
        .await;
    check(
        &server,
        "too large JSON",
        server.post("/v2/recognize").json(&json!({"image": STANDARD.encode(&bytes)})),
        large,
        &["262144"],
    )
    .await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_parameters() {
    let server = Server::start().await;
    let check = async |query: &str, name: &str, value: Option<&str>, allowed: &str| {
        let request = server.post(&format!("/v2/recognize?{query}")).body(photos::jpeg());
        let problem = Problem::of(request.send().await.expect(query)).await;
        assert_eq!((problem.status, problem.kind.as_str()), (422, "/problems/bad-parameter"), "{query}");
        assert_eq!(problem.body["parameter"], name, "{query}");
        assert_eq!(problem.body["value"].as_str(), value, "{query}");
        assert!(problem.detail.contains(name) && problem.detail.contains(allowed), "{query}: {}", problem.detail);
    };
    check("conf=2", "conf", Some("2"), "0 and 1").await;
    check("conf=", "conf", Some(""), "0 and 1").await;
    check("conf=%F0%9F%8D%BE", "conf", Some("🍾"), "0 and 1").await;
    check("iou=-1", "iou", Some("-1"), "0 and 1").await;
    check("iou=nan", "iou", Some("nan"), "0 and 1").await;
    check("tiles=99x99", "tiles", Some("99x99"), "2x2").await;
    check("top_k=0", "top_k", Some("0"), "1 and 100").await;
    check("annotate=please", "annotate", Some("please"), "true or false").await;
    check("return_embeddings=2", "return_embeddings", Some("2"), "true or false").await;
    check("treshold=1", "treshold", None, "conf, iou, tiles").await;
    check("conf=0.1&conf=0.2", "conf", None, "more than once").await;
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_paths_and_methods() {
    let server = Server::start().await;
    let ask = |method: Method, path: &str| server.client.request(method, server.url(path));
    let nothing = (404, "not-found");
    for path in [
        "/v3/recognize",
        "/v2/",
        "/api",
        "/v2/recognize/",
        "/static/none/app.js",
        "/problems/none",
        "/..%2f..%2fetc/passwd",
    ] {
        check(&server, path, ask(Method::GET, path), nothing, &[]).await;
    }
    let method = (405, "method-not-allowed");
    check(&server, "GET recognize", ask(Method::GET, "/v2/recognize"), method, &["POST"]).await;
    check(&server, "DELETE alias", ask(Method::DELETE, "/api/v1/ai/v2/recognize"), method, &[]).await;
    check(&server, "POST classes", ask(Method::POST, "/classes"), method, &[]).await;
    let refused = ask(Method::GET, "/v2/recognize").send().await.expect("an answer");
    assert_eq!(refused.headers()["allow"], "POST");
    let head = ask(Method::HEAD, "/livez").send().await.expect("an answer");
    assert_eq!(head.status(), StatusCode::OK);
    server.end().await.expect("a clean end");
}
