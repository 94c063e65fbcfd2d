//! `POST /predict`: crops to SKUs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb};
use serde_json::{Value, json};
use vision::RgbImage;

use crate::harness::{Problem, Server};
use crate::photos;

fn crop(color: [u8; 3]) -> String {
    STANDARD.encode(photos::encode(&RgbImage::from_pixel(40, 90, Rgb(color)), ImageFormat::Png))
}

async fn predict(server: &Server, body: &Value) -> reqwest::Response {
    server.post("/predict").json(body).send().await.expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_crop_is_named_by_itself() {
    let server = Server::start().await;
    let seen = server.control.seen();
    let images = [crop([220, 0, 0]), "bm8gaW1hZ2U=".to_owned(), crop([0, 200, 0]), crop([250, 250, 250])];
    let answer = predict(&server, &json!({ "images": images })).await;
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("JSON");
    let of = |at: usize| &answer["predictions"][at];
    assert_eq!(answer["predictions"].as_array().map(Vec::len), Some(4));
    assert_eq!((&of(0)["class"], &of(0)["status"]), (&json!("sku_001_red_cola"), &json!("known")));
    assert_eq!((&of(1)["class"], &of(1)["status"]), (&json!(null), &json!("error")));
    assert!(of(1)["reason"].as_str().is_some_and(|reason| reason.contains("JPEG")), "{}", of(1));
    assert_eq!(of(2)["class"], "sku_002_green_tea");
    assert_eq!(of(2)["neighbors"][0]["class"], "sku_002_green_tea");
    assert!(of(2)["neighbors"][0]["similarity"].as_f64().is_some_and(|s| s > 0.99), "{}", of(2));
    assert_eq!((&of(3)["class"], &of(3)["status"]), (&json!(null), &json!("unknown")));
    assert_eq!(server.control.seen(), seen, "no detector is asked");
    let none: Value = predict(&server, &json!({ "images": [] })).await.json().await.expect("JSON");
    assert_eq!(none["predictions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_such_document_is_refused() {
    let server = Server::start().await;
    for (body, status) in [
        (json!({ "image": crop([1, 2, 3]) }), 400),
        (json!({ "images": ["*"] }), 400),
        (json!({ "images": "text" }), 400),
        (json!({ "images": vec![""; 65] }), 413),
    ] {
        let problem = Problem::of(predict(&server, &body).await).await;
        assert_eq!(problem.status, status, "{}", problem.detail);
    }
    server.assert_serves().await;
}
