//! Many answers at once, in one change.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use vision::SkuId;

use super::signals::{Key, add, of};
use super::{Histogram, NewPrediction};
use crate::error::StoreError;
use crate::sql::{Tx, values};
use crate::store::Store;

impl Store {
    /// Writes answers down, and counts their signals: all or none. With a later flush: a power cut may take the last of them back.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn log_predictions(&self, predictions: Vec<NewPrediction>) -> Result<(), StoreError> {
        let mut signals = BTreeMap::<Key, Histogram>::new();
        predictions.iter().for_each(|prediction| of(prediction, &mut signals));
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    for prediction in &predictions {
                        insert(tx, prediction).await?;
                    }
                    // In order: two processes that add to the same rows never wait for each other in a circle.
                    for (key, histogram) in &signals {
                        add(tx, key, histogram).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

async fn insert(tx: &mut Tx, new: &NewPrediction) -> Result<(), StoreError> {
    let sql = "INSERT INTO predictions (organisation, at, id, request_id, release_name, arm, store_name, shelf, taken_at, photo, \
               latency_ms, facings, unknown, counts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let row = values![
        &new.organisation,
        new.at,
        number(),
        &new.request_id,
        &new.release,
        new.arm.clone(),
        new.store.clone(),
        new.shelf.clone(),
        new.taken_at,
        new.photo.0.to_vec(),
        new.latency_ms,
        new.facings,
        new.unknown,
        spelled(&new.counts),
    ];
    tx.later(sql, row).await
}

/// Tells answers of one millisecond apart, without a counter that all processes would wait for: the random bits of a UUID.
fn number() -> i64 {
    let random = uuid::Uuid::now_v7().as_u64_pair().1;
    i64::try_from(random >> 2).unwrap_or_default()
}

fn spelled(counts: &BTreeMap<SkuId, u32>) -> String {
    let entries = counts.iter().map(|(sku, count)| (sku.0.to_string(), Json::from(*count)));
    Json::Object(entries.collect()).to_string()
}
