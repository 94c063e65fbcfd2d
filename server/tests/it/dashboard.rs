//! The live page of a training run, over real HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::Value;
use server::dashboard::Dashboard;
use tokio::net::TcpListener;

async fn serve(dashboard: &Dashboard) -> String {
    crate::harness::use_ring();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(dashboard.clone().serve(listener));
    format!("http://{address}")
}

/// Reads server-sent events until `wanted` of them are there.
async fn events(response: &mut reqwest::Response, wanted: usize) -> Vec<Value> {
    let mut text = String::new();
    loop {
        let data: Vec<Value> = text
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: ").and_then(|data| serde_json::from_str(data).ok()))
            .collect();
        if data.len() >= wanted {
            return data;
        }
        let chunk = response.chunk().await.expect("no failure").expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
}

#[tokio::test]
async fn a_browser_gets_everything_and_then_every_change() {
    let dashboard = Dashboard::new("shelf", || {});
    dashboard.point(1, &[("metrics/mAP50(B)", Some(0.25)), ("metrics/recall(B)", None), ("lr/pg0", Some(f64::NAN))]);
    let base = serve(&dashboard).await;
    let mut response = reqwest::get(format!("{base}/events")).await.unwrap();
    let first = events(&mut response, 1).await.remove(0);
    let everything = &first["everything"];
    assert_eq!(everything["title"], "shelf");
    assert_eq!(everything["curves"]["metrics/mAP50(B)"], serde_json::json!([[1, 0.25]]));
    assert!(everything["curves"].get("metrics/recall(B)").is_none(), "a missing value leaves a gap");
    assert!(everything["curves"].get("lr/pg0").is_none(), "NaN is no point");

    dashboard.point(2, &[("metrics/mAP50(B)", Some(0.5))]);
    dashboard.progress((3, 10), (7, 20), "box 1.0");
    let mut changes = events(&mut response, 2).await;
    assert_eq!(changes.remove(0)["points"]["metrics/mAP50(B)"], serde_json::json!([[2, 0.5]]));
    assert_eq!(changes.remove(0)["progress"]["batch"], serde_json::json!([7, 20]));
}

#[tokio::test]
async fn only_pictures_that_were_published_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("val_predictions.jpg");
    std::fs::write(&shown, b"picture").unwrap();
    std::fs::write(folder.path().join("secret.jpg"), b"secret").unwrap();
    let dashboard = Dashboard::new("shelf", || {});
    dashboard.picture(&shown);
    let base = serve(&dashboard).await;
    let get = |path: &str| reqwest::get(format!("{base}/pictures/{path}"));
    let found = get("val_predictions.jpg").await.unwrap();
    assert_eq!(found.headers()["content-type"], "image/jpeg");
    assert_eq!(found.bytes().await.unwrap().as_ref(), b"picture");
    for path in ["secret.jpg", "..%2Fsecret.jpg", "%2Fetc%2Fpasswd", ""] {
        assert_eq!(get(path).await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_button_stops_and_a_foreign_form_does_not() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let dashboard = Dashboard::new("shelf", move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let base = serve(&dashboard).await;
    let client = reqwest::Client::new();
    let foreign = client.post(format!("{base}/stop")).send().await.unwrap();
    assert_eq!((foreign.status(), asked.load(Ordering::SeqCst)), (StatusCode::FORBIDDEN, 0));
    let own = client.post(format!("{base}/stop")).header("X-Shelf-Dashboard", "1").send().await.unwrap();
    assert_eq!((own.status(), asked.load(Ordering::SeqCst)), (StatusCode::ACCEPTED, 1));
    let page = reqwest::get(&base).await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert!(page.text().await.unwrap().contains("Stop after this step"));
}
