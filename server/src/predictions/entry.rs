//! An answer as the log keeps it.

use std::time::Duration;

use store::access::DEFAULT_ORGANISATION;
use store::model::now;
use store::predictions::{NO_SKU, NewPrediction};
use vision::{Recognition, Sha256};

use crate::inference::JobRequest;
use crate::served::CONFIGURED;

/// What is kept of an answer: no box, no name, no pixel.
pub(crate) fn entry(
    request: &JobRequest,
    recognition: &Recognition,
    photo: Sha256,
    latency: Duration,
) -> NewPrediction {
    let signals = recognition.items.iter().map(|item| {
        let sku = item.decision.sku.map_or(NO_SKU, |sku| i64::from(sku.0));
        (sku, item.decision.similarity, item.detection.confidence)
    });
    NewPrediction {
        organisation: DEFAULT_ORGANISATION.to_owned(),
        at: now(),
        request_id: request.id.as_str().to_owned(),
        release: request.served.label().unwrap_or(CONFIGURED).to_owned(),
        arm: request.arm.as_deref().map(str::to_owned),
        store: request.occasion.store.clone(),
        shelf: request.occasion.shelf.clone(),
        taken_at: request.occasion.taken_at,
        photo,
        latency_ms: latency.as_secs_f64() * 1e3,
        facings: recognition.items.len() as u32,
        unknown: recognition.unknown_count,
        counts: recognition.counts.iter().map(|count| (count.sku.id, count.count)).collect(),
        signals: signals.collect(),
    }
}
