//! An answer as the log keeps it.

use std::time::Duration;

use store::access::DEFAULT_ORGANISATION;
use store::model::now;
use store::predictions::{NO_SKU, NewPrediction};
use vision::{Recognition, Sha256};

use crate::predictions::Occasion;
use crate::served::CONFIGURED;

/// What was answered, by what.
pub(crate) struct Answered<'a> {
    pub(crate) request_id: &'a str,
    /// Name and version; nothing for what is configured.
    pub(crate) release: Option<&'a str>,
    /// Of which test, and which side of it.
    pub(crate) arm: Option<&'a str>,
    pub(crate) occasion: &'a Occasion,
}

/// What is kept of an answer: no box, no name, no pixel.
pub(crate) fn entry(
    answered: &Answered<'_>,
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
        request_id: answered.request_id.to_owned(),
        release: answered.release.unwrap_or(CONFIGURED).to_owned(),
        arm: answered.arm.map(str::to_owned),
        store: answered.occasion.store.clone(),
        shelf: answered.occasion.shelf.clone(),
        taken_at: answered.occasion.taken_at,
        photo,
        latency_ms: latency.as_secs_f64() * 1e3,
        facings: recognition.items.len() as u32,
        unknown: recognition.unknown_count,
        counts: recognition.counts.iter().map(|count| (count.sku.id, count.count)).collect(),
        signals: signals.collect(),
    }
}
