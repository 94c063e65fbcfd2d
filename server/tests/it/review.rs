//! The review queue over HTTP, with a real store: what is unsure is queued, what people say counts at once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Problem, Server};
use crate::photos;
use crate::review_server::{NextEmbedder, review_config, server, server_by, server_with, settings};

/// Where the white (unknown) and the yellow (ambiguous) facing stand.
const WHITE: (f64, f64) = (20.0, 180.0);
const YELLOW: (f64, f64) = (90.0, 180.0);
/// What "at once" means.
const AT_ONCE: Duration = Duration::from_secs(1);

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_counts_at_once_undo_takes_it_back_and_a_restart_keeps_it() {
    let place = folder();
    let server = server(place.path()).await;
    let answer = server.recognise().await;
    assert_eq!(answer["review"]["queued"], 2, "{answer}");
    let why = |at: usize| answer["review"]["items"][at]["reasons"].clone();
    assert!([why(0), why(1)].contains(&json!(["unknown"])), "{}", answer["review"]);
    let again = server.recognise().await;
    assert_eq!(
        (&again["review"]["queued"], &again["review"]["seen_again"]),
        (&json!(0), &json!(2)),
        "{}",
        again["review"]
    );

    // The white one is a product nobody has enrolled.
    let white = server.item_at(WHITE.0, WHITE.1).await;
    assert_eq!((&white["facings"], &white["decision"]), (&json!(2), &json!("unknown")));
    assert_eq!(white["candidates"].as_array().map(Vec::len), Some(3), "every SKU is a candidate: {white}");
    let crop = server.get(white["crop"].as_str().expect("a URL")).await;
    assert_eq!((crop.status().as_u16(), crop.headers()["content-type"].to_str().ok()), (200, Some("image/jpeg")));
    assert_eq!(server.get(white["photo"]["url"].as_str().expect("a URL")).await.status(), 200);
    let labelled = server
        .change("label", json!({"item_id": white["id"], "reviewer": "ann", "new_sku": {"name": "White <b>Rum</b>"}}))
        .await;
    assert_eq!(labelled["labels"][0]["kind"], "new_sku");
    let took = server.until_named(WHITE, Some("White <b>Rum</b>")).await;
    assert!(took <= AT_ONCE, "it took {took:?}");
    assert_eq!(server.json("/v2/skus").await["skus"].as_array().map(Vec::len), Some(4));

    // The seed's way, and back.
    let yellow = server.item_at(YELLOW.0, YELLOW.1).await;
    let path =
        format!("/api/v1/ai/v2/active-learning/label?item_id={}&sku_id=2", yellow["id"].as_str().expect("an id"));
    let answer: Value = server.post(&path).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["labels"][0]["sku"]["name"], "Green Tea", "{answer}");
    assert!(server.until_named(YELLOW, Some("Green Tea")).await <= AT_ONCE);
    let gallery = server.json("/health").await["release"]["gallery"].clone();
    assert!(gallery.as_str().is_some_and(|text| text.contains("4 SKUs, 5 exemplars")), "{gallery}");
    server.change("undo", json!({"reviewer": "ann"})).await;
    // Nobody says any more that it is rum; what is left comes nearest to the yellow one.
    assert!(server.until_named(WHITE, Some("Green Tea")).await <= AT_ONCE);
    server
        .change("label", json!({"item_id": white["id"], "reviewer": "ann", "new_sku": {"name": "White <b>Rum</b>"}}))
        .await;
    server.until_named(WHITE, Some("White <b>Rum</b>")).await;
    let before = server.gallery_by_content().await;
    assert!(server.metric("shelf_review_labels_total", "kind=\"undo\"").await > 0.5);
    assert!(server.metric("shelf_review_queued_total", "reason=\"unknown\"").await > 0.5);
    server.end().await.expect("a clean end");

    let server = crate::review_server::server(place.path()).await;
    assert_eq!(server.gallery_by_content().await, before, "the same content, bit for bit");
    server.until_named(WHITE, Some("White <b>Rum</b>")).await;
    let item = server.json(&format!("/v2/active-learning-queue/{}", white["id"].as_str().expect("an id"))).await;
    let kinds: Vec<_> = item["labels"].as_array().expect("a list").iter().map(|label| label["kind"].clone()).collect();
    assert_eq!(kinds, ["new_sku", "undo", "new_sku"]);
    assert!(server.metric("shelf_review_labels_total", "kind=\"undo\"").await < 1.0, "that was the process before");
    let stats = server.json("/v2/active-learning/stats").await;
    assert_eq!((&stats["open"], &stats["labelled"]), (&json!(0), &json!(2)), "{stats}");
    // Without their own exemplars both come nearest to something else.
    assert_eq!((&stats["top_1"]["items"], &stats["top_1"]["after"]), (&json!(2), &json!(0.0)), "{stats}");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photos_beside_each_other_and_beside_an_answer_ask_once() {
    let place = folder();
    let server = server(place.path()).await;
    // Both are with the worker before either is in the queue.
    server.control.hold();
    let first = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() == 1).await;
    let beside = server.spawn_photo(photos::jpeg());
    server.until("one waits", async || server.queue_depth().await == 1).await;
    server.control.release();
    for photo in [first, beside] {
        assert_eq!(photo.await.expect("no panic").status(), 200);
    }
    assert_eq!(server.open_items().await.len(), 2);

    // Recognised by the gallery of before the answer, ended after it.
    let white = server.item_at(WHITE.0, WHITE.1).await;
    server.control.hold();
    let late = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() == 3).await;
    server.change("label", json!({"item_id": white["id"], "new_sku": {"name": "White Rum"}})).await;
    let gallery = async || server.json("/health").await["release"]["gallery"].to_string();
    server.until("the answer counts", async || gallery().await.contains("4 SKUs, 4 exemplars")).await;
    server.control.release();
    let late: Value = late.await.expect("no panic").json().await.expect("JSON");
    assert_eq!(late["release"]["gallery"].as_str().map(|text| text.contains("3 exemplars")), Some(true), "{late}");
    assert_eq!((&late["review"]["queued"], &late["review"]["seen_again"]), (&json!(0), &json!(1)), "{late}");

    // Taken back, the item waits as before, and nothing beside it.
    server.change("undo", json!({"item_id": white["id"]})).await;
    server.until_named(WHITE, None).await;
    let again = server.recognise().await;
    assert_eq!((&again["review"]["queued"], &again["review"]["seen_again"]), (&json!(0), &json!(2)), "{again}");
    assert_eq!(server.open_items().await.len(), 2);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_said_counts_under_the_next_embedder() {
    let place = folder();
    let before = server(place.path()).await;
    before.recognise().await;
    let (white, yellow) = (before.item_at(WHITE.0, WHITE.1).await, before.item_at(YELLOW.0, YELLOW.1).await);
    before.change("label", json!({"item_id": white["id"], "reviewer": "ann", "new_sku": {"name": "White Rum"}})).await;
    before.end().await.expect("a clean end");

    let next = || server_by(settings(place.path()), review_config(), Arc::new(NextEmbedder));
    let server = next().await;
    server.until_named(WHITE, Some("White Rum")).await;
    // Queued under the embedder before, answered under this one.
    server.change("label", json!({"item_id": yellow["id"], "reviewer": "ann", "new_sku": {"name": "Lemonade"}})).await;
    assert!(server.until_named(YELLOW, Some("Lemonade")).await <= AT_ONCE);
    server.change("undo", json!({"reviewer": "ann"})).await;
    assert!(server.until_named(YELLOW, Some("White Rum")).await <= AT_ONCE);
    let content = server.gallery_by_content().await;
    server.end().await.expect("a clean end");
    let server = next().await;
    assert_eq!(server.gallery_by_content().await, content, "nothing is added twice");
    server.end().await.expect("a clean end");
    let store = store::Store::open(&settings(place.path())).await.expect("opened");
    assert_eq!(store.check().await.expect("checked"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_container_is_not_asked_again_and_a_corrected_box_teaches() {
    let place = folder();
    let server = server(place.path()).await;
    server.recognise().await;
    let white = server.item_at(WHITE.0, WHITE.1).await;
    server.change("label", json!({"item_id": white["id"], "kind": "not_a_container"})).await;
    tokio::time::sleep(AT_ONCE).await;
    let answer = server.recognise().await;
    let here = answer["detections"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|d| d["box"]["y1"] == json!(180.0) && d["box"]["x1"] == json!(20.0));
    let here = here.expect("a facing");
    assert_eq!((&here["status"], &here["sku"]), (&json!("unknown"), &Value::Null));
    assert!(here["reason"].as_str().is_some_and(|why| why.contains("not a container")), "{here}");
    assert!(server.json("/v2/skus").await.to_string().find("not_a_container").is_none(), "it is no product");
    assert_eq!(answer["review"]["queued"], 0, "{}", answer["review"]);

    // The yellow box should have been around a green one.
    let yellow = server.item_at(YELLOW.0, YELLOW.1).await;
    let right = json!({"x1": 232.0, "y1": 42.0, "x2": 278.0, "y2": 148.0});
    let said = json!({"item_id": yellow["id"], "box": right, "sku_code": "sku_002_green_tea", "comment": "box was one to the left"});
    let labelled = server.change("label", said).await;
    assert_eq!((&labelled["labels"][0]["kind"], &labelled["labels"][0]["box"]), (&json!("wrong_box"), &right));
    let found = server.json("/v2/active-learning/skus?q=tea").await;
    let image = found["skus"][0]["pictures"][0].as_str().expect("the crop of the right box").to_owned();
    assert_eq!(server.get(&image).await.status(), 200);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reviewers_share_the_queue_and_a_third_decides() {
    let place = folder();
    let server = server(place.path()).await;
    server.recognise().await;
    let claim = async |who: &str| {
        let answer = server.change("claim", json!({"reviewer": who, "count": 1})).await;
        answer["items"].as_array().expect("a list").iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    let (ann, bob) = (claim("ann").await, claim("bob").await);
    assert_ne!(ann, bob);
    assert!(claim("cem").await.is_empty());
    server.change("label", json!({"item_id": ann[0], "reviewer": "ann", "sku_id": 1})).await;
    let conflict = server.change("label", json!({"item_id": ann[0], "reviewer": "bob", "sku_id": 2})).await;
    assert_eq!(conflict["labels"][0]["after"], "conflict");
    assert_eq!(claim("cem").await, ann);
    let settled = server.change("label", json!({"item_id": ann[0], "reviewer": "cem", "sku_id": 1})).await;
    assert_eq!(settled["labels"][0]["after"], "labelled");
    assert_eq!(server.change("release", json!({"reviewer": "bob", "item_ids": bob})).await["released"], 1);
    assert_eq!(claim("cem").await, bob);
    let said = server.change("comment", json!({"item_id": bob[0], "text": "blurred", "reviewer": "cem"})).await;
    assert_eq!(said["text"], "blurred");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_twice_is_done_once() {
    let place = folder();
    let server = server(place.path()).await;
    server.recognise().await;
    let items = server.open_items().await;
    let send = async |key: &str, body: Value| {
        let request = server.post("/v2/active-learning/label").header("idempotency-key", key).json(&body);
        request.send().await.expect("an answer")
    };
    let body = json!({"item_id": items[0], "sku_id": 1});
    let first: Value = send("k1", body.clone()).await.json().await.expect("JSON");
    let again: Value = send("k1", body).await.json().await.expect("JSON");
    assert_eq!(first, again);
    let problem = Problem::of(send("k1", json!({"item_id": items[1], "sku_id": 1})).await).await;
    assert_eq!((problem.status, problem.kind.as_str()), (422, "/problems/key-reused"));
    let bulk = json!({"item_ids": [items[1]], "kind": "cannot_tell"});
    server.change("label/bulk", bulk).await;
    assert!(server.open_items().await.is_empty());
    server.end().await.expect("a clean end");
}

async fn refused(server: &Server, path: &str, body: Value, expected: (u16, &str), named: &str) {
    let request = server.post(&format!("/v2/active-learning/{path}")).json(&body);
    let problem = Problem::of(request.send().await.expect("an answer")).await;
    let (status, slug) = expected;
    assert_eq!((problem.status, problem.kind), (status, format!("/problems/{slug}")), "{path} {body}");
    assert!(problem.detail.contains(named), "{path} {body}: {}", problem.detail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_with_its_cause() {
    let place = folder();
    let server = server(place.path()).await;
    server.recognise().await;
    let items = server.open_items().await;
    let item = &items[0];
    let unknown = (404, "unknown-item");
    let wrong = (422, "bad-parameter");
    refused(&server, "label", json!({"item_id": "nowhere", "sku_id": 1}), unknown, "nowhere").await;
    refused(&server, "label", json!({"item_id": item, "sku_id": 77}), unknown, "77").await;
    refused(&server, "label", json!({"item_id": item}), wrong, "kind").await;
    refused(&server, "label", json!({"sku_id": 1}), wrong, "item_id").await;
    refused(&server, "label", json!({"item_id": item, "kind": "banana"}), wrong, "banana").await;
    refused(&server, "label", json!({"item_id": item, "kind": "undo"}), wrong, "undo").await;
    refused(&server, "label", json!({"item_id": item, "kind": "skip", "sku_id": 1}), wrong, "sku_id").await;
    refused(&server, "label", json!({"item_id": item, "sku_id": 1, "reviewer": "a\nb"}), wrong, "reviewer").await;
    refused(&server, "label", json!({"item_id": item, "sku_id": 1, "comment": "x".repeat(2001)}), wrong, "2000").await;
    refused(
        &server,
        "label",
        json!({"item_id": item, "box": {"x1": 0, "y1": 0, "x2": 401, "y2": 9}, "sku_id": 1}),
        wrong,
        "400 x 320",
    )
    .await;
    refused(&server, "label", json!({"item_id": item, "box": {"x1": 9, "y1": 0, "x2": 9, "y2": 9}}), wrong, "box")
        .await;
    refused(&server, "label", json!({"item_id": item, "skuid": 1}), (400, "malformed-body"), "skuid").await;
    refused(
        &server,
        "label",
        json!({"item_id": item, "new_sku": {"name": "Other", "code": "sku_002_green_tea"}}),
        (409, "code-taken"),
        "Green Tea",
    )
    .await;
    refused(&server, "comment", json!({"item_id": item, "text": " "}), wrong, "comment").await;
    refused(&server, "comment", json!({"item_id": "nowhere", "text": "hello"}), unknown, "nowhere").await;
    refused(&server, "claim", json!({"count": 51}), wrong, "count").await;
    refused(&server, "claim", json!({"lease_seconds": 0}), wrong, "lease_seconds").await;
    refused(&server, "undo", json!({}), (409, "nothing-to-undo"), "no label").await;
    refused(&server, "label/bulk", json!({"item_ids": [], "sku_id": 1}), wrong, "item_ids").await;
    refused(&server, "label/bulk", json!({"item_ids": [item, "nowhere"], "sku_id": 1}), unknown, "nowhere").await;
    server.change("label", json!({"item_id": item, "sku_id": 1, "reviewer": "ann"})).await;
    refused(
        &server,
        "label",
        json!({"item_id": item, "sku_id": 1, "reviewer": "ann"}),
        (409, "already-labelled"),
        "undo",
    )
    .await;
    server.change("claim", json!({"reviewer": "ann"})).await;
    refused(
        &server,
        "label",
        json!({"item_id": items[1], "sku_id": 1, "reviewer": "bob"}),
        (409, "claimed"),
        "another reviewer",
    )
    .await;

    for (path, named) in [
        ("?cursor=priority.0.x.00000000", "cursor"),
        ("?sort=name", "sort"),
        ("?status=lost", "status"),
        ("?limit=0", "limit"),
        ("?min_similarity=NaN", "min_similarity"),
        ("?colour=red", "colour"),
    ] {
        let problem = Problem::of(server.get(&format!("/v2/active-learning-queue{path}")).await).await;
        assert_eq!((problem.status, problem.kind.as_str()), (422, "/problems/bad-parameter"), "{path}");
        assert!(problem.detail.contains(named), "{path}: {}", problem.detail);
    }
    let label = || server.post("/v2/active-learning/label");
    let form = label().header("content-type", "application/x-www-form-urlencoded").body("item_id=1&sku_id=1");
    let problem = Problem::of(form.send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (415, "/problems/json-expected"));
    let foreign = server
        .post(&format!("/v2/active-learning/label?item_id={item}&sku_id=2"))
        .header("origin", "https://evil.example");
    let problem = Problem::of(foreign.send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (403, "/problems/cross-site"));
    let huge = label().json(&json!({"item_id": "x".repeat(300_000), "sku_id": 1}));
    let problem = Problem::of(huge.send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (413, "/problems/body-too-large"));
    for digest in ["0".repeat(64), "..%2f..%2fetc%2fpasswd".to_owned()] {
        let problem = Problem::of(server.get(&format!("/v2/active-learning/picture/{digest}")).await).await;
        assert_eq!((problem.status, problem.kind.as_str()), (404, "/problems/unknown-item"), "{digest}");
    }
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_store_recognition_goes_on_and_says_so() {
    let place = folder();
    let missing = place.path().join("not yet");
    // A file where a folder should be: the store cannot be opened until it is gone.
    std::fs::write(&missing, "in the way").expect("writable");
    let server = server_with(settings(&missing), review_config()).await;
    let answer = server.recognise().await;
    assert_eq!(answer["review"]["queued"], 0);
    let warning = answer["warnings"].to_string();
    assert!(warning.contains("review queue") && warning.contains("2 unsure facings"), "{warning}");
    let problem = Problem::of(server.get("/v2/active-learning-queue").await).await;
    assert_eq!((problem.status, problem.kind.as_str()), (503, "/problems/review-unavailable"));
    // What is recognised rests on what the folder has enrolled.
    assert_eq!(answer["counts"][0]["sku"]["name"], "Red Cola");
    std::fs::remove_file(&missing).expect("removed");
    server.until("the queue", async || server.get("/v2/active-learning-queue").await.status() == 200).await;
    let answer = server.recognise().await;
    assert_eq!((&answer["review"]["queued"], &answer["warnings"]), (&json!(2), &json!([])), "{answer}");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold() {
    let place = folder();
    let mut review = review_config();
    review.limits.per_day = 1;
    let server = server_with(settings(place.path()), review.clone()).await;
    let first = server.recognise().await;
    assert_eq!(first["review"]["queued"], 1);
    assert!(first["warnings"].to_string().contains("1 unsure facings were not put aside"), "{}", first["warnings"]);
    assert_eq!(server.recognise().await["review"]["queued"], 0);
    server.end().await.expect("a clean end");
    // Neither does a restart make room.
    let server = server_with(settings(place.path()), review).await;
    assert_eq!(server.recognise().await["review"]["queued"], 0);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_alikes_are_a_cluster() {
    let place = folder();
    let mut review = review_config();
    // Every facing an item of its own.
    review.samplers.duplicate_similarity = 0.0;
    review.samplers.small_margin = 0.0;
    review.samplers.near_threshold = 0.0;
    let server = server_with(settings(place.path()), review).await;
    server.recognise().await;
    server.recognise().await;
    let clusters = server.json("/v2/active-learning/clusters").await;
    let waiting = server.open_items().await.len();
    assert_eq!(waiting, 2, "the white one, twice");
    assert_eq!(clusters["clusters"][0]["item_ids"].as_array().map(Vec::len), Some(2), "{clusters}");
    let all = json!({"item_ids": clusters["clusters"][0]["item_ids"], "new_sku": {"name": "Milk"}});
    assert_eq!(server.change("label/bulk", all).await["labels"].as_array().map(Vec::len), Some(2));
    assert!(server.until_named(WHITE, Some("Milk")).await <= AT_ONCE);
    server.end().await.expect("a clean end");
}
