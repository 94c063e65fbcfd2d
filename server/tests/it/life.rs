//! Coming up and going down.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use server::ServeError;

use crate::harness::{Control, Problem, Server, config, loaded, recognizer};
use crate::photos;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_while_models_load() {
    let control = Arc::<Control>::default();
    let (go, wait) = mpsc::channel();
    let recognizer = recognizer(&control);
    let server = Server::loading(config(), control, move || {
        wait.recv()?;
        loaded(recognizer)
    })
    .await;
    assert_eq!(server.get("/livez").await.status(), StatusCode::OK);
    for path in ["/readyz", "/health"] {
        let response = server.get(path).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let body: serde_json::Value = response.json().await.expect("JSON");
        assert_eq!((&body["ready"], &body["status"]), (&false.into(), &"loading".into()), "{path}");
        assert!(body["explanation"].as_str().is_some_and(|text| text.contains("Models and gallery")), "{body}");
    }
    for path in ["/classes", "/skus"] {
        let problem = Problem::of(server.get(path).await).await;
        assert_eq!((problem.status, problem.kind.as_str(), problem.retry_after), (503, "/problems/not-ready", Some(1)));
    }
    let problem = Problem::of(server.photo(photos::jpeg()).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str(), problem.retry_after), (503, "/problems/not-ready", Some(1)));
    assert!(server.text("/").await.contains("Getting ready"));
    assert_eq!(server.metric("shelf_ready", "").await, 0.0);

    go.send(()).expect("the loader waits");
    server.until_ready().await;
    let health = server.json("/health").await;
    assert_eq!(health["release"]["detector"], "colour detector");
    assert_eq!((&health["status"], &health["queue"]["workers"]), (&"ok".into(), &1.into()));
    assert_eq!(server.metric("shelf_ready", "").await, 1.0);
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_models_it_says_what_to_do() {
    for panics in [false, true] {
        let server = Server::loading(config(), Arc::default(), move || {
            assert!(!panics, "a loader that panics");
            Err("cannot read /secret/models/detector.onnx".into())
        })
        .await;
        server.until("it has failed", async || server.json("/readyz").await["status"] == "failed").await;
        assert_eq!(server.get("/livez").await.status(), StatusCode::OK);
        let problem = Problem::of(server.photo(photos::jpeg()).send().await.expect("an answer")).await;
        assert_eq!((problem.status, problem.kind.as_str()), (503, "/problems/models-unavailable"));
        assert!(problem.detail.contains("shelf doctor"), "{}", problem.detail);
        let page = server.text("/").await;
        assert!(page.contains("Models are missing") && page.contains("shelf doctor") && !page.contains("secret"));
        server.end().await.expect("a clean end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_finished() {
    let mut server = Server::start().await;
    server.control.hold();
    let working = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() == 1).await;
    let waiting = server.spawn_photo(photos::png());
    server.until("one waits", async || server.queue_depth().await == 1).await;
    server.tell_to_stop();
    // The port closes at once; what came in stays.
    let url = server.url("/livez");
    server.until("no new connection", async || reqwest::get(&url).await.is_err()).await;
    assert!(!working.is_finished() && !waiting.is_finished());
    server.control.release();
    for accepted in [working, waiting] {
        let response = accepted.await.expect("no panic");
        assert_eq!(response.status(), StatusCode::OK);
        let answer: serde_json::Value = response.json().await.expect("the whole body arrives");
        assert_eq!(answer["detections"].as_array().map(Vec::len), Some(photos::FACINGS.len()));
    }
    server.end().await.expect("everything was finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drain_has_an_end() {
    let mut config = config();
    config.timeouts.drain = Duration::from_millis(300);
    let server = Server::with(config).await;
    let control = Arc::clone(&server.control);
    control.hold();
    let request = server.photo(photos::jpeg());
    let cut_off = tokio::spawn(async move { request.send().await });
    server.until("the worker is at it", async || control.seen() == 1).await;
    let start = Instant::now();
    let end = server.end().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(matches!(end, Err(ServeError::Unfinished { connections: 1 })), "{end:?}");
    assert!(cut_off.await.expect("no panic").is_err());
    control.release();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_loading_waits_for_nobody() {
    let (go, wait) = mpsc::channel::<()>();
    let server = Server::loading(config(), Arc::default(), move || {
        wait.recv()?;
        Err("never".into())
    })
    .await;
    assert_eq!(server.get("/livez").await.status(), StatusCode::OK);
    let start = Instant::now();
    server.end().await.expect("a clean end");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    drop(go);
}
