//! Photos are kept where that is wanted, gone through by people, and deleted by their owner with all copies.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use server::{ServerConfig, Setup};
use store::access::DEFAULT_ORGANISATION as HOME;
use store::model::now;
use store::photos::{Day, Photo};
use store::{Store, StoreHandle};
use vision::Sha256;

use crate::harness::{Problem, Server, config, loaded, recognizer};
use crate::photos;
use crate::review_server::settings;

pub(crate) fn keeping() -> ServerConfig {
    let mut config = config();
    config.photos.keep = true;
    config
}

pub(crate) async fn server(handle: &StoreHandle, config: ServerConfig) -> Server {
    let control = std::sync::Arc::default();
    let recognizer = recognizer(&control);
    let setup = Setup { config, store: Some(handle.clone()), reload: None, export: None };
    let server = Server::loading(setup, control, move || loaded(recognizer)).await;
    server.until_ready().await;
    server
}

/// Photos of today, and of yesterday where the day ended meanwhile.
async fn kept(store: &Store) -> Vec<Photo> {
    let mut all = Vec::new();
    for back in [1, 0] {
        all.extend(store.photos_of_day(HOME, Day(Day::of(now()).0 - back), None, 100).await.expect("read"));
    }
    all
}

pub(crate) async fn send(server: &Server, photo: Vec<u8>, query: &str) {
    let answer = server.post(&format!("/v2/recognize{query}")).body(photo).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

async fn change(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = server.post(path).json(&body).send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photos_are_kept_verified_and_deleted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let server = server(&handle, keeping()).await;
    let store = handle.get().await.expect("opened");
    send(&server, photos::jpeg(), "?store=north-12&shelf=dairy&taken_at=2026-11-21T09:30:00Z").await;
    // The same photo once more, what the example answers, and what is no photo are not kept.
    send(&server, photos::jpeg(), "").await;
    server.photo(photos::GIF.to_vec()).send().await.expect("an answer");
    send(&server, photos::png(), "").await;
    server.until("both are kept", async || kept(&store).await.len() == 2).await;
    let digest = Sha256::of(&photos::jpeg());
    let photo = store.photo(HOME, digest).await.expect("it is there");
    assert_eq!((photo.store.as_deref(), photo.shelf.as_deref()), (Some("north-12"), Some("dairy")));
    assert_eq!((photo.taken_at, photo.width, photo.height), (Some(1_795_253_400_000), photos::SIZE.0, photos::SIZE.1));
    assert_eq!((photo.answer.len(), photo.release.as_str()), (photos::FACINGS.len(), "configured"));
    let first = &photo.answer[0];
    assert_eq!((first.code.as_deref(), first.class.as_str()), (Some("sku_001_red_cola"), "bottle"));
    assert!(first.confidence.is_some_and(|c| (c - 0.95).abs() < 1e-6) && first.similarity.is_some_and(|s| s > 0.9));
    assert!(photo.image_hash.is_some());
    let path = format!("/review/verify/photos/{digest}");
    let image = server.get(&format!("{path}/image")).await;
    assert_eq!(image.headers()["content-type"], "image/jpeg");
    assert_eq!(image.bytes().await.expect("bytes").to_vec(), photos::jpeg());
    server.until("counted", async || server.metric("shelf_photos_total", "outcome=\"kept\"").await == 2.0).await;

    // Somebody goes through them.
    let day = Day::of(photo.at).to_string();
    let ask = json!({"day": day, "reviewer": "ann"});
    let (status, next) = change(&server, "/review/verify/claim", ask.clone()).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    let claimed = next["photo"]["photo"].as_str().expect("a photo").to_owned();
    assert_eq!((next["photo"]["claimed_by"].as_str(), next["photo"]["version"].as_i64()), (Some("ann"), Some(0)));
    let path = format!("/review/verify/photos/{claimed}");
    let (status, refused) = change(&server, &format!("{path}/accept"), json!({"version": 0, "reviewer": "bob"})).await;
    assert_eq!((status, refused["type"].as_str()), (StatusCode::CONFLICT, Some("/problems/claimed")));
    let (status, released) = change(&server, &format!("{path}/release"), json!({"reviewer": "ann"})).await;
    assert_eq!((status, released["released"].as_bool()), (StatusCode::OK, Some(true)));
    let (status, saved) = change(&server, &format!("{path}/accept"), json!({"version": 0, "reviewer": "bob"})).await;
    assert_eq!((status, saved["photo"]["status"].as_str()), (StatusCode::OK, Some("verified")), "{saved}");
    let boxes = json!({"version": 1, "reviewer": "ann", "boxes": [{"box": [20, 30, 70.5, 150], "class": "bottle", "sku_id": 1}]});
    let (status, saved) = change(&server, &format!("{path}/boxes"), boxes.clone()).await;
    assert_eq!((status, saved["photo"]["version"].as_i64()), (StatusCode::OK, Some(2)), "{saved}");
    assert_eq!(saved["photo"]["boxes"][0]["code"].as_str(), Some("sku_001_red_cola"));
    assert_eq!(saved["photo"]["proposals"].as_array().map(Vec::len), Some(photos::FACINGS.len()));
    let (status, late) = change(&server, &format!("{path}/boxes"), boxes).await;
    assert_eq!((status, late["type"].as_str()), (StatusCode::CONFLICT, Some("/problems/photo-changed")));
    let outside = json!({"version": 2, "boxes": [{"box": [20, 30, 7000, 150], "class": "bottle"}]});
    let (status, wrong) = change(&server, &format!("{path}/boxes"), outside).await;
    assert_eq!((status, wrong["type"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("/problems/bad-parameter")));
    let history = server.json(&path).await;
    assert_eq!(history["annotations"].as_array().map(Vec::len), Some(2));
    let days = server.json("/review/verify/days").await;
    let today = days["days"].as_array().expect("days").iter().find(|progress| progress["day"] == day.as_str());
    assert_eq!(today.expect("it is there")["verified"].as_u64(), Some(1), "{days}");

    // Its owner deletes it.
    let path = format!("/v2/photos/{digest}");
    let deleted = server.client.delete(server.url(&path)).send().await.expect("an answer");
    assert_eq!(deleted.status(), StatusCode::OK);
    assert_eq!(deleted.json::<Value>().await.expect("JSON"), json!({"photo": digest.to_string(), "erased": true}));
    assert_eq!(files(&folder.path().join("objects/shelf-photos")), 1);
    for path in [path, "/v2/photos/nonsense".to_owned()] {
        let gone = server.client.delete(server.url(&path)).send().await.expect("an answer");
        let problem = Problem::of(gone).await;
        assert_eq!((problem.status, problem.kind.as_str()), (404, "/problems/unknown-item"), "{}", problem.detail);
    }
    let gone = server.get(&format!("/review/verify/photos/{digest}/image")).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert!(store.audit(0).await.expect("read").iter().any(|entry| entry.action == "photo.delete"));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_unless_it_is_wanted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let none = server(&handle, config()).await;
    send(&none, photos::jpeg(), "").await;
    none.end().await.expect("a clean end");
    let mut config = keeping();
    config.photos.ratio = 0.0;
    let none = server(&handle, config).await;
    send(&none, photos::jpeg(), "").await;
    none.end().await.expect("a clean end");
    assert_eq!(kept(&handle.get().await.expect("opened")).await, []);
    assert_eq!(files(&folder.path().join("objects/shelf-photos")), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_last_is_kept_before_the_end_and_nobody_waits_for_a_store_that_is_away() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let handle = StoreHandle::from(settings(folder.path()));
    let store = handle.get().await.expect("opened");
    let server = server(&handle, keeping()).await;
    // Whatever the server does at its start is done.
    send(&server, photos::noise(4), "").await;
    server.until("it is kept", async || kept(&store).await.len() == 1).await;
    let file = folder.path().join("shelf.db");
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).expect("moved");
    let begin = std::time::Instant::now();
    send(&server, photos::jpeg(), "").await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    std::fs::rename(&aside, &file).expect("moved back");
    server.until("it is kept after all", async || kept(&store).await.len() == 2).await;
    send(&server, photos::png(), "").await;
    server.end().await.expect("a clean end");
    assert_eq!(kept(&store).await.len(), 3);
}
