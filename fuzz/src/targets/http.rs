//! Bodies against the real server, over a socket.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

use pipeline::{RecognizeOptions, RecognizerSettings, Release};
use server::{Loaded, ServerConfig};
use vision::BBox;
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};

use super::{Answer, Target};
use crate::judge::MAX_TIME;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const MULTIPART: Target = Target {
    name: "multipart",
    run: multipart,
    words: &[
        b"--shelf\r\n",
        b"--shelf--",
        b"\r\n\r\n",
        b"Content-Disposition: form-data; name=\"image\"",
        b"filename*=UTF-8''x",
        b"Content-Type: image/png",
        b"Content-Transfer-Encoding: base64",
        b"\r\n--",
        b"name=",
        b"\"",
    ],
    mend: None,
    max_mib: 64,
    max_time: MAX_TIME,
};

pub(super) const JSON: Target = Target {
    name: "json",
    run: json,
    words: &[b"{\"image\":", b"\"data:image/png;base64,", b"\\u0000", b"\\ud800", b"==", b"[", b"}", b"\"conf\":1"],
    mend: None,
    max_mib: 64,
    max_time: MAX_TIME,
};

fn multipart(data: &[u8]) -> Answer {
    exchange(&posted("multipart/form-data; boundary=shelf", data))
}

fn json(data: &[u8]) -> Answer {
    exchange(&posted("application/json", data))
}

fn posted(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v2/recognize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends bytes, and reads what comes back.
fn exchange(bytes: &[u8]) -> Answer {
    match answer(bytes) {
        Ok(answer) if answer.starts_with("HTTP/1.1 500") => Answer::Wrong(answer),
        Ok(answer) if answer.starts_with("HTTP/1.1 2") => Answer::Read(answer),
        Ok(answer) => Answer::Refused(answer),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
            Answer::Wrong(format!("no answer within {} s", PATIENCE.as_secs()))
        }
        // The server may close while bytes are still on their way.
        Err(error) => Answer::Refused(error.kind().to_string()),
    }
}

/// Status and type of the problem.
fn answer(bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SERVER, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    // Bounded, as everything from outside.
    stream.take(1 << 20).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.lines().next().unwrap_or("closed without an answer");
    let after = |key: &str| text.split_once(key).and_then(|(_, rest)| rest.get(..70)).unwrap_or_default();
    Ok(format!("{status} {}{}", after("\"title\":"), after("\"detail\":")))
}

/// One server for all of them, on a free port, until the process ends.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (tell, told) = mpsc::channel();
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("threads can be started").block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            tell.send(listener.local_addr().expect("it is bound")).expect("the other side waits");
            let mut config = ServerConfig { workers: std::num::NonZeroUsize::MIN, ..ServerConfig::default() };
            config.timeouts.header = Duration::from_secs(1);
            config.timeouts.body_idle = Duration::from_secs(1);
            server::run(config, || Ok(loaded()), listener, std::future::pending())
                .await
                .expect("it is never told to stop");
        });
    };
    std::thread::Builder::new().name("server".to_owned()).spawn(serve).expect("threads can be started");
    let address = told.recv().expect("the server is up");
    // Ready, so that answers are about the bytes and not about models that load.
    for _ in 0..200 {
        let ready = TcpStream::connect(address).and_then(|mut stream| {
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer.starts_with("HTTP/1.1 200"))
        });
        if ready.unwrap_or(false) {
            return address;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the server does not get ready");
});

/// The real server on networks that see colours.
fn loaded() -> Loaded {
    let detector = FixedDetector::bottles(&[BBox::new(0.0, 0.0, 8.0, 8.0)]);
    let settings = RecognizerSettings::default();
    let (detector, gallery) = (Arc::new(detector), Arc::new(ListIndex::default()));
    let recognizer = Release::new("colours", detector, Arc::new(MeanColorEmbedder), gallery, settings).recognizer();
    Loaded { recognizer, options: RecognizeOptions::default(), review: None, example: None, version: None }
}
