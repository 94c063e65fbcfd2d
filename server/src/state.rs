//! Gauges of what is known elsewhere, read at every scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use store::predictions::Drift;

use crate::inference::JobQueue;
use crate::models::{Models, Phase};
use crate::predictions::PredictionLog;
use crate::served::CONFIGURED;
use crate::swap::Swaps;

/// From so high an index on, a SKU has changed much.
const MUCH: f64 = 0.25;

/// The queue of photos, what is loaded, and how answers change.
#[derive(Debug)]
pub(crate) struct StateCollector {
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) models: Arc<Models>,
    pub(crate) swaps: Arc<Swaps>,
    pub(crate) predictions: Arc<PredictionLog>,
}

impl Collector for StateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: u64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let phase = self.models.phase();
        gauge("queue_depth", "Photos waiting", self.queue.depth() as u64)?;
        gauge("queue_capacity", "Photos that may wait", self.queue.capacity() as u64)?;
        gauge("workers_busy", "Workers with a photo at hand", self.queue.busy() as u64)?;
        gauge("ready", "1 when requests are answered", u64::from(matches!(phase, Phase::Ready(_))))?;
        gauge("releases_in_memory", "Releases that are loaded: two while one takes the place of another", {
            self.swaps.in_memory() as u64
        })?;
        let served = match phase {
            Phase::Ready(served) => Some((served.recognizer(), served)),
            _ => None,
        };
        if let Some((recognizer, _)) = &served {
            gauge("gallery_exemplars", "Enrolled exemplars", recognizer.gallery().len() as u64)?;
            gauge("gallery_skus", "Enrolled SKUs", recognizer.gallery().skus().len() as u64)?;
        }
        drift(&mut encoder, &self.predictions.drift())?;
        let Some((recognizer, served)) = served else { return Ok(()) };
        let release = [
            ("release", served.label().unwrap_or(CONFIGURED).to_owned()),
            ("detector", recognizer.detector().describe()),
            ("embedder", recognizer.embedder().describe()),
        ];
        let help = "What answers: 1 for the release that new requests get";
        let mut family = encoder.encode_descriptor("release_info", help, None, MetricType::Gauge)?;
        ConstGauge::new(1_u64).encode(family.encode_family(&release)?)
    }
}

/// Population stability indexes of yesterday and today against the four weeks before.
fn drift(encoder: &mut DescriptorEncoder, signals: &[Drift]) -> Result<(), fmt::Error> {
    let mut gauges = |name: &str, help: &str, value: &dyn Fn(&Drift) -> Option<f64>| {
        let found: Vec<_> = signals.iter().filter_map(|drift| Some((drift.signal.as_str(), value(drift)?))).collect();
        if found.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (signal, value) in found {
            ConstGauge::new(value).encode(family.encode_family(&[("signal", signal)])?)?;
        }
        Ok(())
    };
    gauges(
        "drift_psi",
        "Population stability index of all facings, yesterday and today against four weeks",
        &|drift| drift.index,
    )?;
    gauges("drift_worst_sku_psi", "The same of the SKU that has changed most", &|drift| {
        drift.skus.first().map(|sku| sku.index)
    })?;
    gauges("drift_skus", "SKUs whose index is above a quarter", &|drift| {
        Some(drift.skus.iter().filter(|sku| sku.index > MUCH).count() as f64)
    })
}
