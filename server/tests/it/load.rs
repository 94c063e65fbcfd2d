//! More work than can be done: no is said early, and nobody waits for what nobody wants.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::StatusCode;

use crate::harness::{Problem, Server, config};
use crate::photos;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so() {
    let mut config = config();
    config.queue = 1.try_into().expect("not zero");
    let server = Server::with(config).await;
    server.control.hold();
    let working = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() == 1).await;
    let waiting = server.spawn_photo(photos::jpeg());
    server.until("one waits", async || server.queue_depth().await == 1).await;

    let problem = Problem::of(server.photo(photos::jpeg()).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (503, "/problems/overloaded"));
    assert!(problem.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{problem:?}");
    assert!(problem.detail.contains("try again in"), "{}", problem.detail);
    assert_eq!(server.metric("shelf_rejected_total", "reason=\"queue_full\"").await, 1.0);
    assert_eq!(server.metric("shelf_queue_depth", "").await, 1.0);
    assert_eq!(server.metric("shelf_workers_busy", "").await, 1.0);
    // What does not need a worker goes on.
    assert_eq!(server.get("/livez").await.status(), StatusCode::OK);

    server.control.release();
    for accepted in [working, waiting] {
        assert_eq!(accepted.await.expect("no panic").status(), StatusCode::OK);
    }
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_went_away_is_not_worked_for() {
    let mut config = config();
    config.queue = 1.try_into().expect("not zero");
    let server = Server::with(config).await;
    server.control.hold();
    let working = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() == 1).await;
    let waiting = server.spawn_photo(photos::jpeg());
    server.until("one waits", async || server.queue_depth().await == 1).await;
    waiting.abort();
    server.until("its place is free", async || server.queue_depth().await == 0).await;
    let next = server.spawn_photo(photos::jpeg());
    server.until("the next waits", async || server.queue_depth().await == 1).await;
    server.control.release();
    assert_eq!(working.await.expect("no panic").status(), StatusCode::OK);
    assert_eq!(next.await.expect("no panic").status(), StatusCode::OK);
    assert_eq!(server.control.seen(), 2, "nobody looked at the photo of the client that went away");
    let gone = "method=\"POST\",route=\"/v2/recognize\",status=\"499\"";
    assert_eq!(server.metric("shelf_http_requests_total", gone).await, 1.0);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_times_out_and_the_worker_goes_on() {
    let mut config = config();
    config.timeouts.request = Duration::from_millis(200);
    let server = Server::with(config).await;
    server.control.hold();
    let problem = Problem::of(server.photo(photos::jpeg()).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (504, "/problems/took-too-long"));
    assert!(problem.detail.contains("0.2 s"), "{}", problem.detail);
    server.control.release();
    server.until("the worker is free", async || server.metric("shelf_workers_busy", "").await == 0.0).await;
    assert_eq!(server.metric("shelf_recognitions_total", "outcome=\"timeout\"").await, 1.0);
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photos_on_their_way_share_one_memory_budget() {
    let mut config = config();
    (config.max_body_bytes, config.max_pending_bytes) = (150 << 10, 150 << 10);
    let server = Server::with(config).await;
    server.control.hold();
    let working = server.spawn_photo(photos::noise(100));
    server.until("the worker is at it", async || server.control.seen() == 1).await;
    let problem = Problem::of(server.photo(photos::noise(100)).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (503, "/problems/overloaded"));
    assert_eq!(problem.retry_after, Some(1));
    assert_eq!(server.metric("shelf_rejected_total", "reason=\"memory\"").await, 1.0);
    // A small one still fits.
    let small = server.spawn_photo(photos::jpeg());
    server.until("it waits", async || server.queue_depth().await == 1).await;
    server.control.release();
    assert_eq!(working.await.expect("no panic").status(), StatusCode::OK);
    assert_eq!(small.await.expect("no panic").status(), StatusCode::OK);
    let again = server.photo(photos::noise(100)).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::OK, "the budget was given back");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_one_requests_misfortune() {
    let mut config = config();
    config.max_batch = 4.try_into().expect("not zero");
    let server = Server::with(config).await;
    server.control.poisonous_width.store(64, Ordering::SeqCst);
    let poison = || photos::noise(20);

    let problem = Problem::of(server.photo(poison()).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (500, "/problems/internal-error"));
    assert!(problem.detail.contains("request_id"), "{}", problem.detail);
    server.assert_serves().await;

    // In a batch it does not take its neighbours along.
    server.control.hold();
    let before = server.control.seen();
    let first = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() > before).await;
    let mut batch = Vec::new();
    for (waiting, photo) in [photos::jpeg(), poison(), photos::png()].into_iter().enumerate() {
        batch.push(server.spawn_photo(photo));
        server.until("it waits", async || server.queue_depth().await == waiting as u64 + 1).await;
    }
    server.control.release();
    assert_eq!(first.await.expect("no panic").status(), StatusCode::OK);
    let mut statuses = Vec::new();
    for answer in batch {
        statuses.push(answer.await.expect("no panic").status().as_u16());
    }
    assert_eq!(statuses, [200, 500, 200]);
    assert_eq!(server.control.largest_batch.load(Ordering::SeqCst), 3, "they were taken together");
    assert_eq!(server.metric("shelf_recognitions_total", "outcome=\"panic\"").await, 2.0);
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_network_shows_nothing_of_its_inside() {
    let server = Server::start().await;
    server.control.failing.store(true, Ordering::SeqCst);
    let problem = Problem::of(server.photo(photos::jpeg()).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (500, "/problems/internal-error"));
    server.control.failing.store(false, Ordering::SeqCst);
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_all_get_their_own_answer() {
    let mut config = config();
    config.workers = 2.try_into().expect("not zero");
    config.max_batch = 3.try_into().expect("not zero");
    let server = Server::with(config).await;
    let mut tasks = Vec::new();
    for client in 0..8_u32 {
        let (client_url, http) =
            (server.url(&format!("/v2/recognize?top_k={}", client % 3 + 1)), server.client.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..10 {
                let width = 100 + 10 * client + round;
                let photo = photos::encode(&vision::RgbImage::new(width, 50), image::ImageFormat::Png);
                let id = format!("client-{client}-{round}");
                let response =
                    http.post(&client_url).header("x-request-id", &id).body(photo).send().await.expect("an answer");
                let answer: serde_json::Value = response.json().await.expect("JSON");
                assert_eq!(
                    (answer["image"]["width"].as_u64(), answer["request_id"].as_str()),
                    (Some(width.into()), Some(id.as_str()))
                );
            }
        }));
    }
    for task in tasks {
        task.await.expect("every answer was right");
    }
    assert_eq!(server.metric("shelf_recognitions_total", "outcome=\"ok\"").await, 80.0);
    server.end().await.expect("a clean end");
}
