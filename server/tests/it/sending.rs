//! Every way of sending a photo gives the same answer.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use image::ImageFormat;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use server::ServerConfig;
use vision::DecodeLimits;

use crate::harness::{Control, Server, config, loaded, recognizer};
use crate::photos;

async fn answer(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

fn check(what: &str, answer: &Value) {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let counts: Vec<_> = answer["counts"]
        .as_array()
        .expect(what)
        .iter()
        .map(|c| (text(&c["sku"]["name"]), c["count"].clone()))
        .collect();
    // Three red, two green; the yellow one is as near to red as to green and counts under one of them.
    let total: u64 = counts.iter().map(|(_, count)| count.as_u64().expect("a number")).sum();
    assert_eq!((total, counts.len()), (6, 2), "{what}: {counts:?}");
    assert_eq!(answer["unknown_count"], 1, "{what}");
    let statuses: Vec<_> = answer["detections"].as_array().expect(what).iter().map(|d| text(&d["status"])).collect();
    assert_eq!(statuses, ["known", "known", "known", "known", "known", "unknown", "ambiguous"], "{what}");
    assert_eq!(answer["image"]["width"], photos::SIZE.0, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_sending_gives_the_same_answer() {
    let server = Server::start().await;
    let (jpeg, png) = (photos::jpeg(), photos::png());
    let webp = photos::encode(&photos::shelf(), ImageFormat::WebP);
    let form =
        |bytes: &[u8], name: &str| Form::new().part("image", Part::bytes(bytes.to_vec()).file_name(name.to_owned()));
    let raw = |kind: &str, bytes: &[u8]| {
        server.post("/v2/recognize").header("content-type", kind.to_owned()).body(bytes.to_vec())
    };
    let alias = "/api/v1/ai/v2/recognize";
    let wrapped: String = STANDARD
        .encode(&jpeg)
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
        .collect();
    let ways = [
        ("form", server.post("/v2/recognize").multipart(form(&jpeg, "shelf.jpg"))),
        ("form, alias", server.post(alias).multipart(form(&png, "shelf.png"))),
        ("form, wrong name", server.post("/v2/recognize").multipart(form(&png, "shelf.txt"))),
        ("JPEG", raw("image/jpeg", &jpeg)),
        ("PNG", raw("image/png", &png)),
        ("WebP", raw("image/webp", &webp)),
        ("PNG sent as JPEG", raw("image/jpeg", &png)),
        ("bytes", raw("application/octet-stream", &jpeg)),
        ("bytes without a type", server.post("/v2/recognize").body(jpeg.clone())),
        ("base64", server.post("/v2/recognize").json(&json!({"image": STANDARD.encode(&jpeg)}))),
        ("base64, alias", server.post(alias).json(&json!({"image": STANDARD.encode(&jpeg)}))),
        ("base64, no padding", server.post("/v2/recognize").json(&json!({"image": STANDARD_NO_PAD.encode(&jpeg)}))),
        ("base64, wrapped", server.post("/v2/recognize").json(&json!({"image": wrapped}))),
        (
            "data URL",
            server
                .post("/v2/recognize")
                .json(&json!({"image": format!("data:image/png;base64,{}", STANDARD.encode(&png))})),
        ),
    ];
    for (what, request) in ways {
        check(what, &answer(request).await);
    }
    // Large enough to be decoded off the async threads.
    let large = STANDARD.encode(photos::noise(600));
    let seen = answer(server.post("/v2/recognize").json(&json!({"image": large}))).await;
    assert_eq!(seen["image"]["width"], 64);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_change_the_answer() {
    let server = Server::start().await;
    let ask = async |query: &str| {
        let request =
            server.post(&format!("/v2/recognize{query}")).header("content-type", "image/png").body(photos::png());
        answer(request).await
    };
    let plain = ask("").await;
    let first = |answer: &Value| answer["detections"][0].clone();
    assert!(first(&plain).get("embedding").is_none() && plain.get("annotated_image").is_none());
    assert_eq!(first(&plain)["candidates"].as_array().map(Vec::len), Some(3));

    let few = ask("?conf=0.88").await;
    assert_eq!(few["detections"].as_array().map(Vec::len), Some(2), "{few}");
    let top = ask("?top_k=1&iou=0.5&tiles=2x2").await;
    assert_eq!(first(&top)["candidates"].as_array().map(Vec::len), Some(1));
    let with = first(&ask("?return_embeddings=true").await);
    let embedding: Vec<f64> =
        with["embedding"].as_array().expect("it was asked for").iter().filter_map(Value::as_f64).collect();
    assert_eq!(embedding.len(), 3);
    assert!((embedding.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5, "{embedding:?}");

    let drawn = ask("?annotate=true").await;
    let image = STANDARD.decode(drawn["annotated_image"].as_str().expect("it was asked for")).expect("base64");
    let image = vision::decode(&image, &DecodeLimits::default()).expect("a JPEG");
    assert_drawn(&image);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requests_confidence_holds_for_every_class() {
    let control = Arc::<Control>::default();
    let recognizer = recognizer(&control);
    let server = Server::loading(config(), control, move || {
        let mut loaded = loaded(recognizer)?;
        loaded.options.detect.confidence.by_class.insert("can".to_owned(), 0.83);
        Ok(loaded)
    })
    .await;
    server.until_ready().await;
    let ask = async |query: &str| {
        let path = format!("/v2/recognize{query}");
        let seen = answer(server.post(&path).header("content-type", "image/png").body(photos::png())).await;
        let detections = seen["detections"].as_array().expect("a list").clone();
        let of = |class: &str| detections.iter().filter(|d| d["class"] == class).count();
        (of("bottle"), of("can"))
    };
    // Bottles and cans take turns, from .95 to .65.
    assert_eq!(ask("").await, (4, 1), "as configured");
    assert_eq!(ask("?conf=0.68").await, (3, 3));
    assert_eq!(ask("?conf=0.93").await, (1, 0));
    assert!(server.text("/").await.contains("As configured: can 0.83; moved, it holds for every class."));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_itself_is_sent_to_who_asks_for_it() {
    let server = Server::start().await;
    for path in ["/v2/recognize", "/api/v1/ai/v2/recognize?annotate=true"] {
        let request = server.post(path).header("accept", "image/jpeg").body(photos::png());
        let response = request.send().await.expect("an answer");
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (StatusCode::OK, &"image/jpeg".parse().expect("a value"))
        );
        let bytes = response.bytes().await.expect("a body");
        let image = vision::decode(&bytes, &DecodeLimits::default()).expect("a JPEG");
        assert_drawn(&image);
    }
    // An error is an error, whatever was asked for.
    let refused =
        server.post("/v2/recognize").header("accept", "image/jpeg").body("no photo").send().await.expect("an answer");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    server.end().await.expect("a clean end");
}

/// Along the edges of the boxes the image is not what was sent; it may have a legend below.
fn assert_drawn(image: &vision::RgbImage) {
    assert!(image.width() == photos::SIZE.0 && image.height() >= photos::SIZE.1, "{:?}", image.dimensions());
    let sent = photos::shelf();
    let changed = photos::FACINGS.iter().filter(|(bbox, _)| {
        let (x, y) = (bbox.x1 as u32, ((bbox.y1 + bbox.y2) / 2.0) as u32);
        (x.saturating_sub(3)..x + 3).any(|x| {
            let (a, b) = (image.get_pixel(x, y), sent.get_pixel(x, y));
            a.0.iter().zip(b.0).any(|(&a, b)| a.abs_diff(b) > 60)
        })
    });
    assert!(changed.count() >= photos::FACINGS.len() - 1, "boxes are drawn");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catalogues_are_at_both_places() {
    let server = Server::start().await;
    for prefix in ["", "/v2", "/api/v1/ai/v2"] {
        let classes = server.json(&format!("{prefix}/classes")).await;
        assert_eq!(classes, json!({"classes": [{"id": 0, "name": "bottle"}, {"id": 1, "name": "can"}]}));
        let skus = server.json(&format!("{prefix}/skus")).await;
        assert_eq!(skus["skus"][1], json!({"id": 2, "code": "sku_002_green_tea", "name": "Green Tea"}));
        assert_eq!((skus["skus"].as_array().map(Vec::len), &skus["exemplars"]), (Some(3), &json!(3)));
    }
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_photos_come_back_line_by_line() {
    let server = Server::start().await;
    let part = |bytes: Vec<u8>, name: &'static str| Part::bytes(bytes).file_name(name);
    let mut form = Form::new();
    for number in 0..6 {
        let bytes = if number == 3 { b"no photo".to_vec() } else { photos::jpeg() };
        form = form.part("image", part(bytes, ["a.jpg", "b.jpg", "c.jpg", "d.txt", "e.jpg", "f.jpg"][number]));
    }
    let request = server.post("/v2/recognize/batch?top_k=1").multipart(form).header("x-request-id", "many");
    let response = request.send().await.expect("an answer");
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &"application/x-ndjson".parse().expect("a value"))
    );
    let text = response.text().await.expect("all lines");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!(lines[6], json!({"photos": 6, "answered": 5, "refused": 1}));
    let mut seen: Vec<_> = lines[..6].iter().map(|line| line["photo"].as_u64().expect("a number")).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    for line in &lines[..6] {
        if line["photo"] == 3 {
            assert_eq!((&line["name"], &line["problem"]["status"]), (&json!("d.txt"), &json!(415)), "{line}");
        } else {
            check("one of many", &line["answer"]);
            assert_eq!(line["answer"]["request_id"], format!("many.{}", line["photo"]));
        }
    }
    // What is no form, and what a batch does not do.
    let plain = server.post("/v2/recognize/batch").body(photos::jpeg()).send().await.expect("an answer");
    assert_eq!(plain.status(), 415);
    let annotated = server
        .post("/v2/recognize/batch?annotate=true")
        .multipart(Form::new().part("image", part(photos::jpeg(), "a")));
    assert_eq!(annotated.send().await.expect("an answer").status(), 422);
    let other = server
        .post("/v2/recognize/batch")
        .multipart(Form::new().part("image", part(photos::jpeg(), "a")).text("x", "y"));
    let text = other.send().await.expect("an answer").text().await.expect("lines");
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["photos"], &last["problem"]["type"]), (&json!(1), &json!("/problems/malformed-body")), "{text}");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_photo_does_not_wait_for_many() {
    let server = Server::start().await;
    server.control.slow_down(std::time::Duration::from_millis(100));
    let mut form = Form::new();
    for _ in 0..12 {
        form = form.part("image", Part::bytes(photos::jpeg()).file_name("shelf.jpg"));
    }
    let many = tokio::spawn(server.post("/v2/recognize/batch").multipart(form).send());
    server.until("they have begun", async || server.control.seen() >= 1).await;
    server.assert_serves().await;
    assert!(server.control.seen() < 8, "{} of 12 were first", server.control.seen() - 1);
    let text = many.await.expect("no panic").expect("an answer").text().await.expect("lines");
    assert!(text.ends_with("{\"answered\":12,\"photos\":12,\"refused\":0}\n"), "{text}");
    // A client that goes takes its photos along.
    let before = server.control.seen();
    let mut form = Form::new();
    for _ in 0..12 {
        form = form.part("image", Part::bytes(photos::jpeg()).file_name("shelf.jpg"));
    }
    let gone = server.post("/v2/recognize/batch").multipart(form).send().await.expect("an answer begins");
    drop(gone);
    server.until("nobody works for it", async || server.metric("shelf_workers_busy", "").await == 0.0).await;
    assert!(server.control.seen() - before < 8, "{}", server.control.seen() - before);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_named_origins_may_read_answers() {
    let named = ServerConfig::parse("cors: [https://shop.example]", "server.yaml".as_ref()).expect("sound");
    for (cors, origin, allowed) in [
        (named.cors.clone(), "https://shop.example", true),
        (named.cors, "https://other.example", false),
        (ServerConfig::default().cors, "https://shop.example", false),
    ] {
        let server = Server::with(ServerConfig { cors, ..config() }).await;
        let preflight = server
            .client
            .request(Method::OPTIONS, server.url("/v2/recognize"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .send()
            .await
            .expect("an answer");
        let says = |response: &reqwest::Response, name: &str| {
            response.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
        };
        let own = |response: &reqwest::Response| says(response, "access-control-allow-origin");
        assert_eq!(own(&preflight), allowed.then(|| origin.to_owned()), "{origin}");
        if allowed {
            assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
            assert!(
                says(&preflight, "access-control-allow-headers")
                    .is_some_and(|headers| headers.contains("content-type"))
            );
        } else {
            assert_eq!(preflight.status(), StatusCode::METHOD_NOT_ALLOWED);
        }
        // Good answers and refusals are both readable.
        for body in [photos::jpeg(), b"no photo".to_vec()] {
            let answer = server.photo(body).header("origin", origin).send().await.expect("an answer");
            assert_eq!(own(&answer), allowed.then(|| origin.to_owned()), "{origin}");
        }
    }
}
