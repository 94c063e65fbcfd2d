//! Requests to a server of tables.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::path::Path;
use std::time::Duration;

use ureq::http::{Response, Uri};
use ureq::{Agent, Body, SendBody};
use vision::Sha256;

use super::super::factory::{FactoryError, Remote};
use super::super::options::{Limits, Token};
use super::client::header;

/// Bytes of an answer that is read into memory.
const MAX_ANSWER: u64 = 4 << 20;
/// Bytes of what a server says is wrong.
const MAX_DETAIL: u64 = 16 << 10;
/// Stands between the parts of a form; longer than chance in a model.
const BOUNDARY: &str = "shelf-5d0c6f3f1a7b4e9f8d21c0a94be7d316";

/// A server of tables.
#[derive(Debug)]
pub struct FactoryClient {
    agent: Agent,
    base: String,
    token: Token,
    limits: Limits,
}

impl FactoryClient {
    /// A server at this address, asked with this key; nothing is asked yet.
    ///
    /// # Errors
    /// [`FactoryError::Address`] when it is none.
    pub fn new(base: &str, token: Token, limits: Limits) -> Result<Self, FactoryError> {
        let base = base.trim().trim_end_matches('/');
        let refused = |reason| FactoryError::Address { reason };
        let address: Uri = base.parse().map_err(|_| refused("it cannot be read"))?;
        if !matches!(address.scheme_str(), Some("http" | "https")) {
            return Err(refused("it begins with http:// or https://"));
        }
        if address.authority().is_none_or(|authority| authority.as_str().contains('@')) || address.query().is_some() {
            return Err(refused("it is a host and, if need be, a path; a key belongs into --token"));
        }
        let mut config = Agent::config_builder()
            .user_agent(concat!("shelf/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(limits.answer))
            .timeout_connect(Some(limits.answer))
            .timeout_send_request(Some(limits.answer))
            .timeout_recv_response(Some(limits.answer.saturating_mul(3)))
            .timeout_per_read(Some(limits.stall));
        if matches!(address.host(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            // No proxy leads to this machine.
            config = config.proxy(None);
        }
        Ok(Self { agent: config.build().new_agent(), base: base.to_owned(), token, limits })
    }

    /// The schema of a table, as JSON.
    ///
    /// # Errors
    /// [`FactoryError`], after what may pass was tried again.
    pub fn schema(&self, dataset: &str) -> Result<Vec<u8>, FactoryError> {
        self.persevere(|| {
            let url = self.url(dataset, "schema");
            let request = self.agent.get(&url).header("Authorization", self.bearer());
            let answer = accepted(&url, request.call().map_err(|error| self.failed(&url, error))?)?;
            bounded(&url, answer, MAX_ANSWER)
        })
    }

    /// Writes the CSV of a table to `path`, all of it, with the digest that the server states, or nothing; what came of a
    /// transfer that broke off lies beside it and is gone on from. `told` hears of bytes here and in all.
    ///
    /// # Errors
    /// [`FactoryError`], after what may pass was tried again.
    pub fn download(&self, dataset: &str, path: &Path, told: &dyn Fn(u64, u64)) -> Result<Remote, FactoryError> {
        self.persevere(|| {
            let url = self.url(dataset, "download");
            let remote = self.remote(&url)?;
            if remote.bytes > self.limits.largest {
                return Err(FactoryError::TooLarge { url, bytes: remote.bytes, limit: self.limits.largest });
            }
            let holds = || fs::metadata(path).is_ok_and(|about| about.len() == remote.bytes);
            if holds() && Sha256::of_file(path).is_ok_and(|found| found == remote.sha256) {
                return Ok(remote);
            }
            // Named by its digest: what was begun of another version is not gone on with.
            let partial = path.with_extension(format!("{}.incomplete", remote.sha256.short()));
            let resumed = self.pour(&url, &remote, &partial, told)?;
            let file = |source| FactoryError::File { path: partial.clone(), source };
            let found = Sha256::of_file(&partial).map_err(file)?;
            if found != remote.sha256 {
                fs::remove_file(&partial).map_err(file)?;
                return Err(FactoryError::Digest { url, expected: remote.sha256, found, resumed });
            }
            fs::rename(&partial, path).map_err(file)?;
            Ok(remote)
        })
    }

    /// Sends a model and what is known of it. The same sent twice is one model: the answer, as JSON, is the same.
    ///
    /// # Errors
    /// [`FactoryError`], after what may pass was tried again.
    pub fn upload(&self, dataset: &str, model: &[u8], meta: &[u8]) -> Result<Vec<u8>, FactoryError> {
        let mut form = Vec::with_capacity(model.len() + meta.len() + 1024);
        for (name, file, kind, bytes) in [
            ("model", "model.tflite", "application/octet-stream", model),
            ("meta", "meta.json", "application/json", meta),
        ] {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
                 Content-Type: {kind}\r\n\r\n"
            );
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(bytes);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.persevere(|| {
            let url = self.url(dataset, "models");
            let request = self
                .agent
                .post(&url)
                .header("Authorization", self.bearer())
                .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"));
            let answer = request.send(SendBody::from_reader(&mut form.as_slice()));
            bounded(&url, accepted(&url, answer.map_err(|error| self.failed(&url, error))?)?, MAX_ANSWER)
        })
    }

    fn url(&self, dataset: &str, what: &str) -> String {
        format!("{}/datasets/{dataset}/{what}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.expose())
    }

    /// Digest and size, as the server states them.
    fn remote(&self, url: &str) -> Result<Remote, FactoryError> {
        let request = self.agent.head(url).header("Authorization", self.bearer());
        let answer = accepted(url, request.call().map_err(|error| self.failed(url, error))?)?;
        let missing = |what| FactoryError::Answer { url: url.to_owned(), what };
        let tag = header(&answer, "ETag").and_then(|tag| tag.trim_start_matches("W/").trim_matches('"').parse().ok());
        let bytes = header(&answer, "Content-Length").and_then(|length| length.parse().ok());
        Ok(Remote {
            sha256: tag.ok_or_else(|| missing("an ETag that is a SHA-256"))?,
            bytes: bytes.ok_or_else(|| missing("a Content-Length"))?,
        })
    }

    /// Writes what is missing to the file at `partial`. Whether some of it was there already.
    fn pour(&self, url: &str, remote: &Remote, partial: &Path, told: &dyn Fn(u64, u64)) -> Result<bool, FactoryError> {
        let io = |source| FactoryError::File { path: partial.to_owned(), source };
        let mut file = OpenOptions::new().create(true).append(true).open(partial).map_err(io)?;
        let mut have = file.metadata().map_err(io)?.len();
        if have > remote.bytes {
            file.set_len(0).map_err(io)?;
            have = 0;
        }
        let resumed = have > 0;
        if have < remote.bytes {
            let mut request = self.agent.get(url).header("Authorization", self.bearer());
            if have > 0 {
                request = request.header("Range", format!("bytes={have}-"));
            }
            let answer = accepted(url, request.call().map_err(|error| self.failed(url, error))?)?;
            let from = header(&answer, "Content-Range")
                .and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse::<u64>().ok());
            if answer.status().as_u16() != 206 || from != Some(have) {
                // The whole comes.
                file.set_len(0).map_err(io)?;
                have = 0;
            }
            let mut body = answer.into_body().into_reader();
            let mut buffer = vec![0; 1 << 16];
            while have < remote.bytes {
                let count = body.read(&mut buffer).unwrap_or(0) as u64;
                if count == 0 {
                    return Err(FactoryError::Truncated { url: url.to_owned(), got: have, bytes: remote.bytes });
                }
                if count > remote.bytes - have {
                    file.set_len(0).map_err(io)?;
                    let bytes = have + count;
                    return Err(FactoryError::TooLarge { url: url.to_owned(), bytes, limit: remote.bytes });
                }
                file.write_all(&buffer[..count as usize]).map_err(io)?;
                have += count;
                told(have, remote.bytes);
            }
        }
        file.sync_all().map_err(io)?;
        Ok(resumed)
    }

    /// Tries until it goes well, patience is at its end, or trying again would change nothing.
    fn persevere<T>(&self, attempt: impl Fn() -> Result<T, FactoryError>) -> Result<T, FactoryError> {
        let mut tries = 0;
        loop {
            let error = match attempt() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            tries += 1;
            if tries >= self.limits.tries || !error.is_passing() {
                return Err(error);
            }
            let asked = match &error {
                FactoryError::Status { pause, .. } => *pause,
                _ => None,
            };
            let doubled = self.limits.pause.saturating_mul(1 << (tries - 1).min(16));
            (self.limits.sleep)(asked.unwrap_or(doubled).min(self.limits.longest_pause));
        }
    }

    fn failed(&self, url: &str, error: ureq::Error) -> FactoryError {
        let url = url.to_owned();
        match error {
            ureq::Error::Timeout(_) => FactoryError::TimedOut { url, limit: self.limits.answer },
            error => FactoryError::Unreachable { url, source: error.into() },
        }
    }
}

/// The answer, when it is one of success.
fn accepted(url: &str, answer: Response<Body>) -> Result<Response<Body>, FactoryError> {
    let status = answer.status().as_u16();
    if answer.status().is_success() {
        return Ok(answer);
    }
    let url = url.to_owned();
    let pause = header(&answer, "Retry-After").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let detail = detail(answer);
    match status {
        401 | 403 => Err(FactoryError::Denied { url, status, detail }),
        _ => Err(FactoryError::Status { url, status, detail, pause }),
    }
}

/// What a problem (RFC 9457) says; the beginning of anything else.
fn detail(answer: Response<Body>) -> String {
    let mut text = Vec::new();
    // What cannot be read says nothing.
    let _ = answer.into_body().into_reader().take(MAX_DETAIL).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    // The one member that people read; a JSON reader would be a dependency of its own.
    let after = text.split_once("\"detail\":").map(|(_, after)| after.trim_start());
    let quoted = after.and_then(|after| after.strip_prefix('"')).map(|after| {
        let mut escaped = false;
        after.chars().take_while(move |c| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            !ends
        })
    });
    let shown: String = match quoted {
        Some(quoted) => quoted.take(600).collect(),
        None => text.chars().take(200).collect(),
    };
    shown.replace("\\\"", "\"").chars().filter(|c| !c.is_control()).collect()
}

fn bounded(url: &str, answer: Response<Body>, limit: u64) -> Result<Vec<u8>, FactoryError> {
    let mut bytes = Vec::new();
    let read = answer.into_body().into_reader().take(limit + 1).read_to_end(&mut bytes);
    if read.is_err() {
        return Err(FactoryError::Truncated { url: url.to_owned(), got: bytes.len() as u64, bytes: 0 });
    }
    if bytes.len() as u64 > limit {
        return Err(FactoryError::TooLarge { url: url.to_owned(), bytes: bytes.len() as u64, limit });
    }
    Ok(bytes)
}
