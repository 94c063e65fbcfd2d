//! What was answered is in the log, with what the client said of the photo, and how answers change is a metric.

use std::time::Duration;

use reqwest::StatusCode;
use server::{ServerConfig, Setup};
use store::access::DEFAULT_ORGANISATION as HOME;
use store::model::now;
use store::predictions::{NewPrediction, Prediction, PredictionRange};
use store::{Store, StoreHandle};
use vision::{Sha256, SkuId};

use crate::harness::{Problem, Server, config, loaded, recognizer};
use crate::photos;
use crate::review_server::settings;

async fn server(handle: &StoreHandle, config: ServerConfig) -> Server {
    let control = std::sync::Arc::default();
    let recognizer = recognizer(&control);
    let setup = Setup { config, store: Some(handle.clone()), reload: None, export: None };
    let server = Server::loading(setup, control, move || loaded(recognizer)).await;
    server.until_ready().await;
    server
}

async fn all(store: &Store) -> Vec<Prediction> {
    let range = PredictionRange { organisation: HOME.into(), from: 0, until: i64::MAX };
    store.predictions(&range, None, 1_000).await.expect("read").predictions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_logged_with_what_the_client_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let server = server(&handle, config()).await;
    let store = handle.get().await.expect("opened");
    let begin = now();
    let send = |query: &str| server.post(&format!("/v2/recognize{query}")).body(photos::jpeg());
    let told = send("?store=north-12&shelf=dairy%203&taken_at=2026-11-21T09:30:00Z").header("x-request-id", "first");
    assert_eq!(told.send().await.expect("an answer").status(), StatusCode::OK);
    let by_header = send("").header("x-store", "south-1");
    assert_eq!(by_header.send().await.expect("an answer").status(), StatusCode::OK);
    let differing = send("?store=north-12").header("x-store", "south-1").send().await.expect("an answer");
    assert_eq!(Problem::of(differing).await.kind, "/problems/bad-parameter");
    // What is refused, and what is no photo, was not answered.
    let refused = server.photo(photos::GIF.to_vec()).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    server.until("both are written", async || all(&store).await.len() == 2).await;
    let logged = all(&store).await;
    let first = logged.iter().find(|p| p.request_id == "first").expect("it is there");
    assert_eq!((first.store.as_deref(), first.shelf.as_deref()), (Some("north-12"), Some("dairy 3")));
    assert_eq!(first.taken_at, Some(1_795_253_400_000));
    assert!((begin..=now()).contains(&first.at) && first.latency_ms > 0.0, "{first:?}");
    assert_eq!((first.release.as_str(), first.arm.as_deref()), ("configured", None));
    assert_eq!((first.facings, first.unknown, first.photo), (7, 1, Sha256::of(&photos::jpeg())));
    assert_eq!(first.counts.values().sum::<u32>(), 6);
    assert_eq!(first.counts.get(&SkuId(1)), Some(&3));
    let second = logged.iter().find(|p| p.request_id != "first").expect("it is there");
    assert_eq!((second.store.as_deref(), second.taken_at), (Some("south-1"), None));
    server
        .until("the metric says so", async || {
            server.metric("shelf_predictions_total", "outcome=\"logged\"").await == 2.0
        })
        .await;
    // What was answered last is written before the server ends.
    assert_eq!(send("").send().await.expect("an answer").status(), StatusCode::OK);
    server.end().await.expect("a clean end");
    assert_eq!(all(&store).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_can_be_switched_off() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let mut config = config();
    config.predictions.log = false;
    let server = server(&handle, config).await;
    server.assert_serves().await;
    server.end().await.expect("a clean end");
    assert_eq!(all(&handle.get().await.expect("opened")).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_a_metric_and_old_answers_are_forgotten() {
    const DAY: i64 = 86_400_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let store = handle.get().await.expect("opened");
    let answer = |days: i64, similarity: f32| NewPrediction {
        organisation: HOME.into(),
        at: now() - days * DAY,
        request_id: "r".into(),
        release: "shelf@1".into(),
        arm: None,
        store: None,
        shelf: None,
        taken_at: None,
        photo: Sha256::of(b"a photo"),
        latency_ms: 1.0,
        facings: 1,
        unknown: 0,
        counts: [(SkuId(1), 1)].into(),
        signals: vec![(1, similarity, 0.9); 10],
    };
    let many = |days, similarity| vec![answer(days, similarity); 50];
    store.log_predictions([many(9, 0.95), many(0, 0.65), many(500, 0.5)].concat()).await.expect("written");
    let server = server(&handle, config()).await;
    let psi = async |signal: &str| server.metric("shelf_drift_psi", &format!("signal=\"{signal}\"")).await;
    server.until("it was looked at", async || psi("similarity").await > 0.25).await;
    assert_eq!(psi("confidence").await, 0.0);
    assert_eq!(server.metric("shelf_drift_skus", "signal=\"similarity\"").await, 1.0);
    assert!(server.metric("shelf_drift_worst_sku_psi", "signal=\"similarity\"").await > 0.25);
    assert_eq!(all(&store).await.len(), 100, "400 days are kept");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let store = handle.get().await.expect("opened");
    let server = server(&handle, config()).await;
    let file = folder.path().join("shelf.db");
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).expect("moved");
    let begin = std::time::Instant::now();
    for _ in 0..5 {
        server.assert_serves().await;
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    std::fs::rename(&aside, &file).expect("moved back");
    server.until("they are written after all", async || all(&store).await.len() == 5).await;
    server.end().await.expect("a clean end");
}
