//! Clients that send by hand: too much, too slowly, or not at all.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Server, config};
use crate::photos;

async fn connect(server: &Server, head: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    stream.write_all(head.as_ref()).await.expect("it reads");
    stream
}

/// Everything until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(Duration::from_secs(15), stream.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

const POST: &str = "POST /v2/recognize HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_is_cut_at_the_limit() {
    let mut config = config();
    config.max_body_bytes = 64 << 10;
    let server = Server::with(config).await;
    let mut stream = connect(&server, &format!("{POST}transfer-encoding: chunked\r\nconnection: close\r\n\r\n")).await;
    let chunk = vec![b'x'; 16 << 10];
    for _ in 0..64 {
        let mut piece = format!("{:x}\r\n", chunk.len()).into_bytes();
        piece.extend(&chunk);
        piece.extend(b"\r\n");
        stream.write_all(&piece).await.expect("it is read on, so that the answer arrives");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("it is read on");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("/problems/body-too-large") && answer.contains("65536"), "{answer}");
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_announced_too_large_is_not_waited_for() {
    let server = Server::start().await;
    let start = Instant::now();
    let mut stream = connect(&server, &format!("{POST}content-length: 1073741824\r\n\r\n")).await;
    let mut answer = vec![0; 512];
    let read = timeout(Duration::from_secs(2), stream.read(&mut answer)).await.expect("at once").expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(2));
    // Who asks first is told before sending anything.
    let mut stream =
        connect(&server, &format!("{POST}content-length: 1073741824\r\nexpect: 100-continue\r\n\r\n")).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_first_is_told_to_go_on() {
    let server = Server::start().await;
    let jpeg = photos::jpeg();
    let head = format!("{POST}content-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n", jpeg.len());
    let mut stream = connect(&server, &head).await;
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.expect("an interim answer");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&jpeg).await.expect("it reads");
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_bodies_are_given_up() {
    let mut config = config();
    config.timeouts.header = Duration::from_millis(300);
    config.timeouts.body_idle = Duration::from_millis(300);
    config.timeouts.body = Duration::from_millis(900);
    let server = Server::with(config).await;

    // A head that never ends.
    let mut stream = connect(&server, "POST /v2/recognize HTTP/1.1\r\nhost: sh").await;
    assert_eq!(rest(&mut stream).await, "");

    // A body that stops.
    let mut stream = connect(&server, &format!("{POST}content-length: 1000\r\n\r\nabc")).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("/problems/upload-too-slow"), "{answer}");
    assert!(answer.contains("no byte of the body came for 0.3 s"), "{answer}");

    // A body that trickles.
    let (mut reader, mut writer) = connect(&server, &format!("{POST}content-length: 1000\r\n\r\n")).await.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = vec![0; 2000];
    let read =
        timeout(Duration::from_secs(5), reader.read(&mut answer)).await.expect("it is given up").expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("not complete after 0.9 s"), "{answer}");
    trickle.abort();

    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_forgotten() {
    let server = Server::start().await;
    let mut stream = connect(&server, &format!("{POST}content-length: 1000\r\n\r\nabc")).await;
    stream.shutdown().await.expect("it is ours");
    drop(stream);
    server
        .until("the broken request has ended", async || server.metric("shelf_http_requests_in_flight", "").await == 1.0)
        .await;
    server.assert_serves().await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_too_many_is_told() {
    let mut config = config();
    config.max_connections = 2;
    let server = Server::with(config).await;
    server.until_ready().await;
    // Both places go to clients who wait for the server, not it for them; the test's own connection, idle by then, makes room.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    server.control.hold();
    let body = photos::jpeg();
    let ask = [format!("{POST}connection: close\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    let mut one = connect(&server, &ask).await;
    server.until("one is at work", async || server.control.seen() >= 1).await;
    let mut two = connect(&server, &ask).await;
    let refused = async || {
        let mut stream =
            connect(&server, "GET /classes HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        let answer = rest(&mut stream).await;
        answer.starts_with("HTTP/1.1 503 ")
            && answer.contains("retry-after: 1")
            && answer.contains("/problems/overloaded")
    };
    server.until("one too many is told", refused).await;
    server.control.release();
    for stream in [&mut one, &mut two] {
        assert!(rest(stream).await.starts_with("HTTP/1.1 200 "), "who was in is answered");
    }
    assert!(server.metric("shelf_rejected_total", "reason=\"connections\"").await >= 1.0, "the refusal is counted");
    server.end().await.expect("a clean end");
}
