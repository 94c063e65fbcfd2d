//! Clients that hold on to what others need: places, memory, time. All of them are on 127.0.0.1.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::ServeError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::harness::{Problem, Server, config};
use crate::photos;

/// Longer than any limit of these tests, shorter than those that hold by default.
const PATIENCE: Duration = Duration::from_secs(8);

async fn connect(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    // A connection that is refused may be closed already.
    let _ = stream.write_all(bytes).await;
    stream
}

/// From another address of this machine.
async fn connect_from(address: &str, to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(address.parse().expect("an address"), 0)).expect("an address of this machine");
    let mut stream = socket.connect(to).await.expect("the server listens");
    stream.write_all(bytes).await.expect("it reads");
    stream
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn photo(path: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\n{more}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const HALF_A_LABEL: &[u8] = b"POST /v2/active-learning/label HTTP/1.1\r\nhost: localhost\r\n\
    content-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"item_id\": ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_bodies_neither_keep_others_out_nor_the_server_up() {
    let mut config = config();
    (config.max_connections, config.max_connections_per_address) = (64, 16);
    let mut server = Server::with(config).await;
    let mut attack = Vec::new();
    for _ in 0..100 {
        attack.push(connect(&server, HALF_A_LABEL).await);
    }
    // Probes are answered at once, from wherever.
    let begin = Instant::now();
    let mut probe = connect(&server, b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(rest(&mut probe).await.starts_with("HTTP/1.1 200 "));
    // Another address has its own share.
    let photo = photo("/v2/recognize", "connection: close\r\n", &photos::jpeg());
    let mut other = connect_from("127.0.0.2", server.address, &photo).await;
    assert!(rest(&mut other).await.starts_with("HTTP/1.1 200 "));
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    // The same address gets in once the server has waited for the attackers for a while, long before their time is over.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for _ in 0..3 {
        let mut own = connect(&server, &photo).await;
        assert!(rest(&mut own).await.starts_with("HTTP/1.1 200 "));
    }
    // Told to stop, the server does not wait for what was never accepted.
    let begin = Instant::now();
    server.tell_to_stop();
    server.end().await.expect("a clean end");
    assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_is_given_up_on_every_changing_route() {
    let mut config = config();
    config.timeouts.body_idle = Duration::from_millis(300);
    let place = tempfile::tempdir().expect("a temporary folder");
    let server = crate::review_server::server_configured(place.path(), config).await;
    for path in ["label", "label/bulk", "claim", "release", "undo", "comment"] {
        let head = format!(
            "POST /v2/active-learning/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\n\r\n{{"
        );
        let answer = rest(&mut connect(&server, head.as_bytes()).await).await;
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("/problems/upload-too-slow"),
            "{path}: {answer}"
        );
    }
    server.end().await.expect("a clean end");
}

/// An answer that no socket's buffers hold: the photo itself, in base64.
fn large() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = vision::RgbImage::from_fn(3200, 2400, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [a, b, c, ..] = state.to_le_bytes();
        image::Rgb([a, b, c])
    });
    photos::encode(&noise, image::ImageFormat::Jpeg)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_are_given_up_and_bounded() {
    let mut config = config();
    config.timeouts.answer_idle = Duration::from_secs(3);
    config.max_answer_bytes = 40 << 20;
    let server = Server::with(config).await;
    let large = large();
    let ask = photo("/v2/recognize?annotate=true", "", &large);
    let mut unread = Vec::new();
    for _ in 0..8 {
        unread.push(connect(&server, &ask).await);
    }
    server
        .until("all are answered", async || server.metric("shelf_recognitions_total", "outcome=\"ok\"").await >= 8.0)
        .await;
    // One who reads gets an answer although memory is short: those who do not make room.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let answer = server.post("/v2/recognize?annotate=true").body(large.clone()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("the whole of it");
    assert!(answer["annotated_image"].as_str().is_some_and(|image| image.len() > 2 << 20));
    // And all of them are closed in the end; the test's own client may keep one.
    server.until("they are closed", async || server.metric("shelf_http_connections", "").await <= 1.0).await;
    server.assert_serves().await;
    drop(unread);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_the_last_byte_of_an_answer() {
    let mut server = Server::start().await;
    let mut slow = connect(&server, &photo("/v2/recognize?annotate=true", "", &large())).await;
    let mut head = vec![0; 64];
    timeout(PATIENCE, slow.read_exact(&mut head)).await.expect("in time").expect("an answer begins");
    server.tell_to_stop();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let text = String::from_utf8_lossy(&head).into_owned() + &rest(&mut slow).await;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).expect("its length");
    assert!(length > 2 << 20, "a small answer proves nothing: {length}");
    assert_eq!(body.len(), length, "all of it arrives");
    server.end().await.expect("everything was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_a_stop_cuts_off_is_said() {
    let mut config = config();
    config.timeouts.drain = Duration::from_millis(1500);
    let server = Server::with(config).await;
    let mut unread = connect(&server, &photo("/v2/recognize?annotate=true", "", &large())).await;
    let mut head = vec![0; 64];
    timeout(PATIENCE, unread.read_exact(&mut head)).await.expect("in time").expect("an answer begins");
    let end = server.end().await;
    assert!(matches!(end, Err(ServeError::Unfinished { connections: 1 })), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_the_sending_half_is_answered_and_who_is_gone_is_not_worked_for() {
    let server = Server::start().await;
    server.control.hold();
    let mut half = connect(&server, &photo("/v2/recognize", "", &photos::jpeg())).await;
    half.shutdown().await.expect("it is ours");
    server.until("the worker is at it", async || server.control.seen() == 1).await;
    let gone = connect(&server, &photo("/v2/recognize", "", &photos::jpeg())).await;
    server.until("one waits", async || server.queue_depth().await == 1).await;
    drop(gone);
    server.until("its place is free", async || server.queue_depth().await == 0).await;
    server.control.release();
    let answer = rest(&mut half).await;
    assert!(answer.contains("HTTP/1.1 200 OK\r\n") && answer.contains("\"detections\""), "{answer}");
    assert_eq!(server.control.seen(), 1, "nobody looked at the photo of the one that was gone");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_names_and_foreign_pages_are_refused_everywhere() {
    let mut config = config();
    config.hosts = vec!["shelf.example".to_owned()];
    let server = Server::with(config).await;
    let ask = async |head: &str| {
        let body = photos::jpeg();
        let request = format!(
            "POST /v2/recognize HTTP/1.1\r\n{head}\r\ncontent-type: image/jpeg\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let answer = rest(&mut connect(&server, &[request.as_bytes(), &body].concat()).await).await;
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    // DNS rebinding: both are the attacker's name.
    assert_eq!(ask("host: evil.example\r\norigin: http://evil.example").await, "421");
    assert_eq!(ask("host: localhost\r\norigin: http://evil.example").await, "403");
    assert_eq!(ask("host: localhost\r\nsec-fetch-site: cross-site").await, "403");
    assert_eq!(ask("host: shelf.example\r\norigin: https://shelf.example").await, "200");
    assert_eq!(ask("host: localhost").await, "200");
    assert_eq!(server.control.seen(), 2, "nothing of the others was looked at");
    // A form needs no leave of the browser to be sent here: the origin tells.
    let form = reqwest::multipart::Form::new().part("image", reqwest::multipart::Part::bytes(photos::jpeg()));
    let request = server.post("/v2/recognize").multipart(form).header("origin", "https://evil.example");
    let problem = Problem::of(request.send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (403, "/problems/cross-site"));
    let request = server.client.get(server.url("/skus")).header("host", "evil.example");
    let problem = Problem::of(request.send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (421, "/problems/unknown-host"));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_ends_with_the_time_that_an_answer_is_of_use() {
    let server = Server::start().await;
    let ask = |ms: &str| server.photo(photos::jpeg()).header("x-timeout-ms", ms.to_owned());
    assert_eq!(ask("5000").send().await.expect("an answer").status(), 200);
    for wrong in ["0", "-1", "soon", "1.5", "86400001"] {
        let problem = Problem::of(ask(wrong).send().await.expect("an answer")).await;
        assert_eq!((problem.status, problem.body["parameter"].as_str()), (422, Some("x-timeout-ms")), "{wrong}");
    }
    server.control.hold();
    let problem = Problem::of(ask("200").send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (504, "/problems/took-too-long"));
    // The detector is at it; what would follow it is not begun.
    server.control.release();
    server
        .until("the work has ended", async || {
            server.metric("shelf_recognitions_total", "outcome=\"cancelled\"").await == 1.0
        })
        .await;
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_come_too_late_is_refused_at_once() {
    let mut config = config();
    config.timeouts.request = Duration::from_millis(1500);
    let server = Server::with(config).await;
    server.control.slow_down(Duration::from_millis(150));
    for _ in 0..8 {
        server.assert_serves().await;
    }
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let request = server.photo(photos::jpeg());
            tokio::spawn(async move {
                let begin = Instant::now();
                let answer = request.send().await.expect("an answer");
                let retry = answer.headers().get("retry-after").cloned();
                (answer.status().as_u16(), begin.elapsed(), retry)
            })
        })
        .collect();
    let mut by_status = std::collections::BTreeMap::<u16, usize>::new();
    for client in clients {
        let (status, took, retry) = client.await.expect("no panic");
        *by_status.entry(status).or_default() += 1;
        if status == 503 {
            assert!(retry.is_some() && took < Duration::from_millis(1600), "no is said early: {took:?}");
        }
    }
    let count = |status| by_status.get(&status).copied().unwrap_or(0);
    assert_eq!(count(504), 0, "what was accepted is answered: {by_status:?}");
    assert!(count(200) >= 2 && count(503) >= 20 && count(200) + count(503) == 40, "{by_status:?}");
    assert!(server.metric("shelf_rejected_total", "reason=\"too_late\"").await > 0.0);
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_may_not_ask_for_any_amount_of_work() {
    let server = Server::start().await;
    for (query, parameter) in [("tiles=8x8&iou=1", "tiles"), ("conf=0&iou=1", "conf"), ("conf=0.01", "conf")] {
        let request = server.post(&format!("/v2/recognize?{query}")).body(photos::jpeg());
        let problem = Problem::of(request.send().await.expect("an answer")).await;
        assert_eq!((problem.status, problem.body["parameter"].as_str()), (422, Some(parameter)), "{query}");
    }
    let request = server.post("/v2/recognize?tiles=4x4&conf=0.05&iou=1").body(photos::jpeg());
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_is_checked_before_anybody_works_for_it() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let server = crate::review_server::server(place.path()).await;
    server.recognise().await;
    let items = server.open_items().await;
    let objects = || walk(&place.path().join("objects"));
    let before = objects();
    let good = json!({"x1": 232.0, "y1": 42.0, "x2": 278.0, "y2": 148.0});
    let claimed = server.change("claim", json!({"reviewer": "ann", "count": 1})).await["items"][0]["id"].clone();
    for (said, status) in [
        (json!({"item_id": items[0], "box": good, "sku_id": 77, "reviewer": "ann"}), 404),
        (json!({"item_id": claimed, "box": good, "sku_id": 1, "reviewer": "bob"}), 409),
        (json!({"item_id": "nowhere", "box": good, "sku_id": 1}), 404),
        (
            json!({"item_id": items[0], "box": {"x1": 0, "y1": 0, "x2": 9000, "y2": 9}, "sku_id": 1, "reviewer": "ann"}),
            422,
        ),
        (json!({"item_id": items[0], "box": good, "sku_id": 1, "reviewer": "an\u{200b}n"}), 422),
    ] {
        let answer = server.post("/v2/active-learning/label").json(&said).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{said}");
    }
    assert_eq!(objects(), before, "no image was written for what was refused");

    // What would be taken waits for a worker like a photo.
    server.control.hold();
    let busy = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || server.control.seen() == 2).await;
    let said = json!({"item_id": claimed, "box": good, "sku_id": 1, "reviewer": "ann"});
    let label = tokio::spawn(server.post("/v2/active-learning/label").json(&said).send());
    server.until("it waits", async || server.queue_depth().await == 1).await;
    server.control.release();
    assert_eq!(label.await.expect("no panic").expect("an answer").status(), 200);
    assert_eq!(busy.await.expect("no panic").status(), 200);
    assert_eq!(objects(), before + 1);
    server.end().await.expect("a clean end");
}

/// Files below a folder.
fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    entries.map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_is_noticed_and_said() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let server = crate::review_server::server(place.path()).await;
    server.recognise().await;
    let items = server.open_items().await;
    let health = server.json("/health").await;
    assert_eq!((&health["status"], &health["review"]), (&"ok".into(), &"ok".into()), "{health}");
    std::fs::remove_file(place.path().join("shelf.db")).expect("removed");
    let said = json!({"item_id": items[0], "sku_id": 1});
    let problem =
        Problem::of(server.post("/v2/active-learning/label").json(&said).send().await.expect("an answer")).await;
    assert_eq!((problem.status, problem.kind.as_str()), (503, "/problems/review-unavailable"));
    let health = server.json("/health").await;
    assert_eq!((&health["status"], &health["review"]), (&"degraded".into(), &"unavailable".into()), "{health}");
    assert_eq!(health["ready"], true, "photos are recognised all the same");
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}
