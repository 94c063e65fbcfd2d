//! Gauges of what is known elsewhere, read at every scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::inference::JobQueue;
use crate::models::{Models, Phase};

/// The queue of photos, and what is loaded.
#[derive(Debug)]
pub(crate) struct StateCollector {
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) models: Arc<Models>,
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
        if let Phase::Ready(loaded) = phase {
            let gallery = loaded.recognizer.gallery();
            gauge("gallery_exemplars", "Enrolled exemplars", gallery.len() as u64)?;
            gauge("gallery_skus", "Enrolled SKUs", gallery.skus().len() as u64)?;
        }
        Ok(())
    }
}
