//! The live page of a training run, over real HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use train::dashboard::Dashboard;

use crate::chromium::{Screen, assert_sound, in_browser, use_ring};

async fn serve(dashboard: &Dashboard) -> String {
    use_ring();
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
async fn only_images_that_were_published_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("val_predictions.jpg");
    std::fs::write(&shown, b"image").unwrap();
    std::fs::write(folder.path().join("secret.jpg"), b"secret").unwrap();
    let dashboard = Dashboard::new("shelf", || {});
    dashboard.image(&shown);
    let base = serve(&dashboard).await;
    let get = |path: &str| reqwest::get(format!("{base}/images/{path}"));
    let found = get("val_predictions.jpg").await.unwrap();
    assert_eq!(found.headers()["content-type"], "image/jpeg");
    assert_eq!(found.bytes().await.unwrap().as_ref(), b"image");
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

/// An image that a run wrote.
fn jpeg() -> Vec<u8> {
    vision::encode_jpeg(&vision::RgbImage::from_pixel(400, 320, image::Rgb([90, 84, 76])), 90).expect("it fits")
}

/// What a run of forty epochs has told by the middle of its thirtieth.
fn told(dashboard: &Dashboard, folder: &std::path::Path) {
    dashboard.describe(
        "efficientnet_lite0-yolov8n with 4 classes: 4.96 million parameters, 142 batches of 16 images an epoch",
    );
    for epoch in 1..30_u64 {
        let t = epoch as f64 / 40.0;
        let wave = (epoch as f64 * 2.3).sin() * 0.02;
        dashboard.point(
            epoch,
            &[
                ("train/box_loss", Some(1.1 + 3.0 * (-6.0 * t).exp() + wave)),
                ("train/cls_loss", Some(0.6 + 2.4 * (-5.0 * t).exp() + wave)),
                ("train/dfl_loss", Some(1.2 + 1.8 * (-7.0 * t).exp())),
                ("metrics/precision(B)", Some(0.9 * (1.0 - (-5.0 * t).exp()) + wave)),
                ("metrics/recall(B)", Some(0.8 * (1.0 - (-4.0 * t).exp()) + wave)),
                ("metrics/mAP50(B)", Some(0.85 * (1.0 - (-4.0 * t).exp()) + wave)),
                ("metrics/mAP50-95(B)", (epoch % 7 != 0).then_some(0.6 * (1.0 - (-3.0 * t).exp()))),
                ("lr/pg0", Some(0.01 * (1.0 - t))),
                ("images_per_second", Some(5.5 + wave * 10.0)),
            ],
        );
    }
    dashboard.progress((30, 40), (61, 142), "box 1.141, cls 0.652, dfl 1.209; 5.5 images/s");
    for name in ["train_batch0.jpg", "val_predictions.jpg"] {
        std::fs::write(folder.join(name), jpeg()).expect("the folder can be written");
        dashboard.image(&folder.join(name));
    }
}

async fn follow(screen: Screen) {
    in_browser(screen, async |page| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let dashboard = Dashboard::new("shelf", move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let folder = tempfile::tempdir().expect("a folder");
        told(&dashboard, folder.path());
        page.client.goto(&serve(&dashboard).await).await.expect("the page opens");
        page.see("#curves .card svg").await;
        assert_eq!((page.count("#curves .card").await, page.count("#images .card").await), (9, 2));
        assert_eq!(page.text("#where").await, "Epoch 30 of 40, batch 61 of 142");
        page.until("return [...document.images].every(image => image.complete && image.naturalWidth > 0)").await;
        page.shoot("dashboard").await;
        page.prefer_dark(true).await;
        page.shoot("dashboard-dark").await;
        page.prefer_dark(false).await;

        // What happens later is seen without a reload.
        dashboard.point(30, &[("metrics/mAP50(B)", Some(0.877))]);
        page.until("return document.querySelector('[data-key=\"metrics/mAP50(B)\"] .latest').textContent === '0.877'")
            .await;
        page.click("#stop").await;
        page.until("return document.getElementById('stop').textContent === 'Stopping'").await;
        for _ in 0..200 {
            if asked.load(Ordering::SeqCst) > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "the run was asked to stop");
        dashboard.ended("stopped in epoch 30");
        page.until("return document.getElementById('where').textContent === 'Ended: stopped in epoch 30'").await;
        page.shoot("dashboard-ended").await;
        assert_sound(&page, &[]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_follows_a_run_and_stops_it() {
    follow(Screen::Desktop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_can_be_followed_on_a_phone() {
    follow(Screen::Phone).await;
}
