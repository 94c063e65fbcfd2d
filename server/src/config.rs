//! What the user wrote (`server.yaml`), converted once into what the server needs.

mod auth;
mod photos;
mod predictions;
mod releases;
mod tables;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use vision::config::{Check, ConfigError, syntax};

use crate::origins::Origins;
pub use auth::{AuthMode, MetricsAccess};
pub use photos::{PhotoSettings, Photos};
pub use predictions::{PredictionSettings, Predictions};
pub use releases::{ReleaseSettings, Releases};
pub use tables::TableSettings;

/// `server.yaml` as written. [`ServerConfig::parse`] checks it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// `ADDRESS:PORT`.
    pub listen: String,
    /// Who needs a key.
    pub auth: AuthMode,
    /// Whether `/metrics` needs one.
    pub metrics: MetricsAccess,
    /// Names by which clients may call the server, beside addresses and `localhost`; `*` for any.
    pub hosts: Vec<String>,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Origins whose pages may read answers.
    pub cors: Vec<String>,
    /// Workers and their queue.
    pub inference: InferenceSettings,
    /// What a client may cost.
    pub limits: LimitSettings,
    /// How it follows what is in production.
    pub releases: ReleaseSettings,
    /// What is kept of answers.
    pub predictions: PredictionSettings,
    /// Whether photos are kept.
    pub photos: PhotoSettings,
    /// What tables may cost.
    pub tables: TableSettings,
    /// In seconds.
    pub timeouts: TimeoutSettings,
}

/// Workers and their queue, as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InferenceSettings {
    /// Photos recognised at the same time; 0 means one per core.
    pub workers: usize,
    /// Photos that may wait.
    pub queue: usize,
    /// Photos a worker takes together.
    pub max_batch: usize,
}

/// What a client may cost, as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Of one request's body.
    pub max_body_bytes: usize,
    /// Of all bodies being received or waiting.
    pub max_pending_bytes: usize,
    /// Of all photos being worked on, decoded.
    pub max_decoded_bytes: usize,
    /// Of all answers being sent.
    pub max_answer_bytes: usize,
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one address.
    pub max_connections_per_address: usize,
    /// Requests of one key a second; 0 for no limit.
    pub requests_per_key: f64,
    /// Requests of one key at once.
    pub burst_per_key: f64,
    /// Requests of one key being answered at the same time.
    pub concurrent_per_key: usize,
}

/// Timeouts in seconds, as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutSettings {
    /// For the head of a request.
    pub header: f64,
    /// Between two pieces of a body.
    pub body_idle: f64,
    /// For a whole body.
    pub body: f64,
    /// From the last byte of a photo to its answer.
    pub request: f64,
    /// Between two pieces of an answer that the client takes.
    pub answer_idle: f64,
    /// For a whole answer to be taken.
    pub answer: f64,
    /// For accepted requests once the server is told to stop.
    pub drain: f64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".to_owned(),
            auth: AuthMode::default(),
            metrics: MetricsAccess::default(),
            hosts: Vec::new(),
            docs: true,
            cors: Vec::new(),
            inference: InferenceSettings::default(),
            limits: LimitSettings::default(),
            releases: ReleaseSettings::default(),
            predictions: PredictionSettings::default(),
            photos: PhotoSettings::default(),
            tables: TableSettings::default(),
            timeouts: TimeoutSettings::default(),
        }
    }
}

impl Default for InferenceSettings {
    fn default() -> Self {
        Self { workers: 0, queue: 64, max_batch: 1 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 20 << 20,
            max_pending_bytes: 256 << 20,
            max_decoded_bytes: 2 << 30,
            max_answer_bytes: 256 << 20,
            max_connections: 1024,
            max_connections_per_address: 256,
            requests_per_key: 100.0,
            burst_per_key: 400.0,
            concurrent_per_key: 128,
        }
    }
}

impl Default for TimeoutSettings {
    fn default() -> Self {
        Self {
            header: 30.0,
            body_idle: 10.0,
            body: 120.0,
            request: 30.0,
            answer_idle: 10.0,
            answer: 120.0,
            drain: 30.0,
        }
    }
}

/// Checked settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Where to listen. The caller of [`crate::run()`] binds.
    pub listen: SocketAddr,
    /// Who needs a key.
    pub auth: AuthMode,
    /// Whether `/metrics` needs one.
    pub metrics: MetricsAccess,
    /// Names by which clients may call the server, beside addresses and `localhost`; `*` for any.
    pub hosts: Vec<String>,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Origins whose pages may read answers.
    pub cors: Origins,
    /// Photos recognised at the same time.
    pub workers: NonZeroUsize,
    /// Photos that may wait.
    pub queue: NonZeroUsize,
    /// Photos a worker takes together.
    pub max_batch: NonZeroUsize,
    /// Of one request's body.
    pub max_body_bytes: usize,
    /// Of all bodies being received or waiting.
    pub max_pending_bytes: usize,
    /// Of all photos being worked on, decoded.
    pub max_decoded_bytes: usize,
    /// Of all answers being sent.
    pub max_answer_bytes: usize,
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one address.
    pub max_connections_per_address: usize,
    /// Requests of one key a second; 0 for no limit.
    pub requests_per_key: f64,
    /// Requests of one key at once.
    pub burst_per_key: f64,
    /// Requests of one key being answered at the same time.
    pub concurrent_per_key: usize,
    /// How it follows what is in production.
    pub releases: Releases,
    /// What is kept of answers.
    pub predictions: Predictions,
    /// Whether photos are kept.
    pub photos: Photos,
    /// What tables may cost.
    pub tables: platform::Limits,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the head of a request.
    pub header: Duration,
    /// Between two pieces of a body.
    pub body_idle: Duration,
    /// For a whole body.
    pub body: Duration,
    /// From the last byte of a photo to its answer.
    pub request: Duration,
    /// Between two pieces of an answer that the client takes.
    pub answer_idle: Duration,
    /// For a whole answer to be taken.
    pub answer: Duration,
    /// For accepted requests once the server is told to stop.
    pub drain: Duration,
}

impl ServerConfig {
    /// From the text of `server.yaml`; `path` only names it in errors.
    ///
    /// # Errors
    /// When the text has an unknown key or a value out of range; the error names file and key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let settings: ServerSettings =
            serde_saphyr::from_str(text).map_err(|error| syntax(path, &error.to_string()))?;
        settings.check(path)
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerSettings::default().check(Path::new("(defaults)")).expect("the defaults are within their ranges")
    }
}

impl ServerSettings {
    fn check(&self, path: &Path) -> Result<ServerConfig, ConfigError> {
        let Self {
            listen,
            auth,
            metrics,
            hosts,
            docs,
            cors,
            inference,
            limits,
            releases,
            predictions,
            photos,
            tables,
            timeouts,
        } = self;
        let check = Check::of(path);
        let positive = |key: &str, value: usize, high: usize| {
            check.within(key, value, 1, high).map(|value| NonZeroUsize::new(value).unwrap_or(NonZeroUsize::MIN))
        };
        let seconds = |key: &str, value: f64| check.within(key, value, 0.05, 86_400.0).map(Duration::from_secs_f64);
        let memory = |key: &str, value: usize, low: usize| check.within(key, value, low, 1 << 40);
        let connections = |key: &str, value: usize| check.within(key, value, 1, 1_000_000);
        let workers = check.within("inference.workers", inference.workers, 0, 1024)?;
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let max_body_bytes = check.within("limits.max_body_bytes", limits.max_body_bytes, 1 << 10, 1 << 30)?;
        let allowed = "it must be ADDRESS:PORT such as 127.0.0.1:8000 or 0.0.0.0:8000";
        let names = "each must be a name such as shelf.example, without scheme and port, or *";
        if let Some(host) = hosts.iter().find(|host| !is_host(host)) {
            return Err(check.wrong("hosts", format!("{host:?}"), &names));
        }
        Ok(ServerConfig {
            listen: listen.parse().map_err(|_| check.wrong("listen", format!("{listen:?}"), &allowed))?,
            auth: *auth,
            metrics: *metrics,
            hosts: hosts.clone(),
            docs: *docs,
            cors: Origins::parse(cors).map_err(|origin| {
                let allowed = "it must be an origin such as https://shop.example, without a path, or * for all";
                check.wrong("cors", format!("{origin:?}"), &allowed)
            })?,
            workers: NonZeroUsize::new(workers).unwrap_or(cores),
            queue: positive("inference.queue", inference.queue, 100_000)?,
            max_batch: positive("inference.max_batch", inference.max_batch, 256)?,
            max_body_bytes,
            // A budget below one body would refuse every large photo.
            max_pending_bytes: memory("limits.max_pending_bytes", limits.max_pending_bytes, max_body_bytes)?,
            max_decoded_bytes: memory("limits.max_decoded_bytes", limits.max_decoded_bytes, 1 << 20)?,
            max_answer_bytes: memory("limits.max_answer_bytes", limits.max_answer_bytes, 1 << 20)?,
            max_connections: connections("limits.max_connections", limits.max_connections)?,
            max_connections_per_address: connections(
                "limits.max_connections_per_address",
                limits.max_connections_per_address,
            )?,
            requests_per_key: check.within("limits.requests_per_key", limits.requests_per_key, 0.0, 1e6)?,
            burst_per_key: check.within("limits.burst_per_key", limits.burst_per_key, 1.0, 1e6)?,
            concurrent_per_key: check.within("limits.concurrent_per_key", limits.concurrent_per_key, 1, 1_000_000)?,
            releases: releases.check(&check)?,
            predictions: predictions.check(&check)?,
            photos: photos.check(&check)?,
            tables: tables.check(&check)?,
            timeouts: Timeouts {
                header: seconds("timeouts.header", timeouts.header)?,
                body_idle: seconds("timeouts.body_idle", timeouts.body_idle)?,
                body: seconds("timeouts.body", timeouts.body)?,
                request: seconds("timeouts.request", timeouts.request)?,
                answer_idle: seconds("timeouts.answer_idle", timeouts.answer_idle)?,
                answer: seconds("timeouts.answer", timeouts.answer)?,
                drain: seconds("timeouts.drain", timeouts.drain)?,
            },
        })
    }
}

/// Whether it is a name as it stands in `Host`, without scheme, port and path.
fn is_host(host: &str) -> bool {
    let letters = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    host == "*" || (!host.is_empty() && host.len() <= 253 && letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = ServerConfig::parse(text, Path::new("server.yaml")).expect_err(text).to_string();
        assert!(error.contains("server.yaml") && error.contains(expected), "{text:?} gave: {error}");
    }

    #[test]
    fn errors_name_file_and_key() {
        check("listen: localhost", "listen");
        check("cors: [shop.example]", "`cors` is \"shop.example\"");
        check("inference: {queue: 0}", "inference.queue");
        check("inference: {max_batch: 1000}", "inference.max_batch");
        check("limits: {max_body_bytes: 10}", "limits.max_body_bytes");
        check("limits: {max_body_bytes: 1000000, max_pending_bytes: 999999}", "limits.max_pending_bytes");
        check("timeouts: {request: .nan}", "timeouts.request");
        check("timeouts: {drain: -1}", "timeouts.drain");
        check("hosts: [\"https://shelf.example\"]", "hosts");
        check("limits: {max_connections_per_address: 0}", "limits.max_connections_per_address");
        check("timeouts: {answer: 0}", "timeouts.answer");
        check("auth: maybe", "auth");
        check("limits: {burst_per_key: 0}", "limits.burst_per_key");
        check("limits: {concurrent_per_key: 0}", "limits.concurrent_per_key");
        check("limits: {requests_per_key: .nan}", "limits.requests_per_key");
        check("releases: {look: 0}", "releases.look");
        check("predictions: {keep_days: 99999}", "predictions.keep_days");
        check("photos: {ratio: 1.5}", "photos.ratio");
        check("photos: {looks: 3}", "photos.looks");
        check("photos: {max_gib: .nan}", "photos.max_gib");
        check("tables: {at_once: 0}", "tables.at_once");
        check("tables: {patience: -1}", "tables.patience");
        check("prot: 80", "prot");
        check("inference: [", "server.yaml");
    }

    #[test]
    fn the_shipped_file_states_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/server.yaml");
        let text = std::fs::read_to_string(&path).expect("configs/server.yaml is committed");
        assert_eq!(ServerConfig::parse(&text, &path).expect("it is sound"), ServerConfig::default());
        assert_eq!(ServerConfig::parse("{}", &path).expect("every key may be left out"), ServerConfig::default());
    }
}
