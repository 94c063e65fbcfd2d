//! A server of HTTP that says what a test wants it to say, byte by byte.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use vision::Sha256;

use super::COMMIT;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) range: Option<String>,
    pub(super) authorization: Option<String>,
    /// How many were asked before.
    pub(super) before: usize,
}

/// What is answered: bytes and pauses; then the connection ends.
pub(super) struct Reply(Vec<Part>);

enum Part {
    Bytes(Vec<u8>),
    Pause(Duration),
}

impl Reply {
    /// An answer with these header lines and no body.
    pub(super) fn head(status: u16, headers: &[(&str, &str)]) -> Self {
        let mut text = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        Self::raw(format!("{text}\r\n").as_bytes())
    }

    /// These bytes, whatever they are.
    pub(super) fn raw(bytes: &[u8]) -> Self {
        Self(vec![Part::Bytes(bytes.to_vec())])
    }

    /// A refusal.
    pub(super) fn status(status: u16) -> Self {
        Self::head(status, &[("Content-Length", "0")])
    }

    pub(super) fn then(mut self, bytes: &[u8]) -> Self {
        self.0.push(Part::Bytes(bytes.to_vec()));
        self
    }

    pub(super) fn pause(mut self, pause: Duration) -> Self {
        self.0.push(Part::Pause(pause));
        self
    }

    /// What a hub says of a large file that holds `bytes` and lies at `place`.
    pub(super) fn linked(bytes: &[u8], place: &str) -> Self {
        Self::linked_but(bytes, place, "", None)
    }

    /// The same with another value of the header `name`, or without it.
    pub(super) fn linked_but(bytes: &[u8], place: &str, name: &str, value: Option<&str>) -> Self {
        let tag = format!("\"{}\"", Sha256::of(bytes));
        let size = bytes.len().to_string();
        let usual = [
            ("X-Repo-Commit", COMMIT),
            ("X-Linked-ETag", tag.as_str()),
            ("X-Linked-Size", size.as_str()),
            ("Location", place),
            ("ETag", "\"a-tag-of-the-redirect\""),
            ("Accept-Ranges", "bytes"),
            ("Content-Length", "0"),
        ];
        let mut headers: Vec<(&str, &str)> = usual.into_iter().filter(|(key, _)| *key != name).collect();
        headers.extend(value.map(|value| (name, value)));
        Self::head(302, &headers)
    }

    /// `bytes`, from where `request` wants them.
    pub(super) fn part(bytes: &[u8], request: &Request) -> Self {
        match request.from() {
            0 => Self::whole(bytes),
            from => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                let length = (bytes.len() - from).to_string();
                Self::head(206, &[("Content-Range", &range), ("Content-Length", &length)]).then(&bytes[from..])
            }
        }
    }

    /// All of `bytes`.
    pub(super) fn whole(bytes: &[u8]) -> Self {
        Self::head(200, &[("Content-Length", &bytes.len().to_string())]).then(bytes)
    }

    /// The first `len` of `bytes`, after saying that all come.
    pub(super) fn cut(bytes: &[u8], len: usize) -> Self {
        Self::head(200, &[("Content-Length", &bytes.len().to_string())]).then(&bytes[..len])
    }
}

impl Request {
    /// The first byte wanted.
    pub(super) fn from(&self) -> usize {
        let range = self.range.as_deref().map(|range| range.trim_start_matches("bytes=").trim_end_matches('-'));
        range.map_or(0, |from| from.parse().unwrap())
    }
}

/// A server on a port of its own.
pub(super) struct StandIn {
    pub(super) address: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl StandIn {
    pub(super) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // A test that has seen enough hangs up: that is no fault of the stand-in.
                thread::spawn(move || stream.and_then(|stream| serve(&stream, &log, &*answer)));
            }
        });
        Self { address, seen }
    }

    /// Everything asked so far.
    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Methods and paths of that.
    pub(super) fn asked(&self) -> Vec<String> {
        self.seen().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn serve(mut stream: &TcpStream, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request { method, path, range: None, authorization: None, before: 0 };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.to_owned()),
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        request.before = log.len();
        log.push(request.clone());
    }
    for part in answer(&request).0 {
        match part {
            Part::Bytes(bytes) => stream.write_all(&bytes)?,
            Part::Pause(pause) => thread::sleep(pause),
        }
    }
    stream.flush()
}
