//! Counters and histograms for Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use review::Written;

use crate::process::ProcessCollector;

/// Seconds; from a crop's search to a photo that waited long.
const SECONDS: [f64; 15] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All instruments of one server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histograms<RouteLabel>,
    in_flight: Gauge,
    recognitions: Family<OutcomeLabel, Counter>,
    rejected: Family<ReasonLabel, Counter>,
    stage_seconds: Histograms<StageLabel>,
    facings: Family<StatusLabel, Counter>,
    batch_size: Histogram,
    photo_bytes: Histogram,
    connections: Gauge,
    answers_cut: Counter,
    review_queued: Family<ReasonLabel, Counter>,
    review_lost: Counter,
    review_labels: Family<KindLabel, Counter>,
    swaps: Family<OutcomeLabel, Counter>,
    swap_seconds: Histogram,
    predictions: Family<OutcomeLabel, Counter>,
    photos: Family<OutcomeLabel, Counter>,
}

impl Metrics {
    /// `state` is read at every scrape.
    pub(crate) fn new(state: impl Collector) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessCollector::new()));
        let shelf = registry.sub_registry_with_prefix("shelf");
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            in_flight: Gauge::default(),
            recognitions: Family::default(),
            rejected: Family::default(),
            stage_seconds: Family::new_with_constructor(seconds),
            facings: Family::default(),
            batch_size: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]),
            photo_bytes: Histogram::new(exponential_buckets(16_384.0, 2.0, 12)),
            connections: Gauge::default(),
            answers_cut: Counter::default(),
            review_queued: Family::default(),
            review_lost: Counter::default(),
            review_labels: Family::default(),
            swaps: Family::default(),
            swap_seconds: seconds(),
            predictions: Family::default(),
            photos: Family::default(),
            registry: Registry::default(),
        };
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        shelf.register("build", "What this server was built from", build);
        shelf.register("http_requests", "Answered requests", metrics.requests.clone());
        shelf.register_with_unit(
            "http_request_duration",
            "From the head of a request to its answer's head",
            Unit::Seconds,
            metrics.request_seconds.clone(),
        );
        shelf.register("http_requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        shelf.register("http_connections", "Open connections", metrics.connections.clone());
        shelf.register("answers_cut", "Answers that a stop cut off", metrics.answers_cut.clone());
        shelf.register("recognitions", "Photos by outcome", metrics.recognitions.clone());
        shelf.register("rejected", "Requests turned away before their photo was looked at", metrics.rejected.clone());
        shelf.register_with_unit(
            "stage_duration",
            "Time of one photo in each stage",
            Unit::Seconds,
            metrics.stage_seconds.clone(),
        );
        shelf.register("facings", "Facings found, by how sure their SKU is", metrics.facings.clone());
        shelf.register("batch_size", "Photos a worker took together", metrics.batch_size.clone());
        shelf.register_with_unit("photo_size", "Size of photos received", Unit::Bytes, metrics.photo_bytes.clone());
        shelf.register(
            "review_queued",
            "Facings put aside for people, by foremost reason",
            metrics.review_queued.clone(),
        );
        shelf.register("review_lost", "Unsure facings that could not be put aside", metrics.review_lost.clone());
        shelf.register("review_labels", "Answers of people, by kind", metrics.review_labels.clone());
        shelf.register("swaps", "Releases that were to take the place of another, by outcome", metrics.swaps.clone());
        shelf.register_with_unit(
            "swap_duration",
            "From the wish for another release to its first request, or to its refusal",
            Unit::Seconds,
            metrics.swap_seconds.clone(),
        );
        shelf.register("predictions", "Answers written into the log, or lost to it", metrics.predictions.clone());
        let help = "Photos that were to be kept: kept, known before, or lost";
        shelf.register("photos", help, metrics.photos.clone());
        shelf.register_collector(Box::new(state));
        Self { registry, ..metrics }
    }

    pub(crate) fn request_started(&self) {
        self.in_flight.inc();
    }

    /// `status` 499 stands for a client that went away.
    pub(crate) fn request_ended(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.in_flight.dec();
        // A method is the client's text: unknown ones share a label, or the label set would grow without bound.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&RouteLabel { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn recognition(&self, outcome: &'static str) {
        self.recognitions.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub(crate) fn stage(&self, stage: &'static str, took: Duration) {
        self.stage_seconds.get_or_create(&StageLabel { stage }).observe(took.as_secs_f64());
    }

    pub(crate) fn facings(&self, status: &'static str, count: u64) {
        if count > 0 {
            self.facings.get_or_create(&StatusLabel { status }).inc_by(count);
        }
    }

    /// Counts by the foremost reason of each item.
    pub(crate) fn review_queued(&self, written: &Written) {
        for reason in written.queued.iter().filter_map(|pick| pick.reasons.first()) {
            self.review_queued.get_or_create(&ReasonLabel { reason: reason.as_str() }).inc();
        }
        self.review_lost.inc_by(written.lost as u64);
    }

    pub(crate) fn review_label(&self, kind: &'static str) {
        self.review_labels.get_or_create(&KindLabel { kind }).inc();
    }

    /// `logged` or `lost`.
    pub(crate) fn predictions(&self, outcome: &'static str, count: usize) {
        self.predictions.get_or_create(&OutcomeLabel { outcome }).inc_by(count as u64);
    }

    /// `kept`, `known` or `lost`.
    pub(crate) fn photos(&self, outcome: &'static str, count: u64) {
        if count > 0 {
            self.photos.get_or_create(&OutcomeLabel { outcome }).inc_by(count);
        }
    }

    /// `swapped` or `refused`.
    pub(crate) fn swapped(&self, outcome: &'static str, took: Duration) {
        self.swaps.get_or_create(&OutcomeLabel { outcome }).inc();
        self.swap_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn batch(&self, size: usize) {
        self.batch_size.observe(size as f64);
    }

    pub(crate) fn photo_received(&self, bytes: usize) {
        self.photo_bytes.observe(bytes as f64);
    }

    pub(crate) fn answers_cut(&self, count: usize) {
        self.answers_cut.inc_by(count as u64);
    }

    pub(crate) fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// OpenMetrics text, which Prometheus' classic parser reads too.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 << 10);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
