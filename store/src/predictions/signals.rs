//! How sure answers were: histograms by day and SKU, added to as answers come.

use std::collections::BTreeMap;

use super::model::BINS;
use super::{Histogram, NewPrediction, Signal};
use crate::error::StoreError;
use crate::sql::{Row, Tx, Value, values};
use crate::store::Store;

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

/// Which histogram.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    organisation: String,
    /// Since 1970, in UTC.
    day: i64,
    release: String,
    signal: &'static str,
    sku: i64,
}

/// Counts the signals of an answer.
pub(super) fn of(prediction: &NewPrediction, into: &mut BTreeMap<Key, Histogram>) {
    for &(sku, similarity, confidence) in &prediction.signals {
        for (signal, value) in [(Signal::Similarity, similarity), (Signal::Confidence, confidence)] {
            let key = Key {
                organisation: prediction.organisation.clone(),
                day: prediction.at.div_euclid(DAY),
                release: prediction.release.clone(),
                signal: signal.as_str(),
                sku,
            };
            into.entry(key).or_default().add(value);
        }
    }
}

/// Adds to what was counted before.
pub(super) async fn add(tx: &mut Tx, key: &Key, histogram: &Histogram) -> Result<(), StoreError> {
    let bins = |each: &dyn Fn(usize) -> String| (0..BINS).map(each).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "INSERT INTO prediction_signals (organisation, day, release_name, signal, sku, {}) VALUES ($1, $2, $3, $4, $5, {}) \
         ON CONFLICT (organisation, day, release_name, signal, sku) DO UPDATE SET {}",
        bins(&|bin| format!("b{bin}")),
        bins(&|bin| format!("${}", bin + 6)),
        bins(&|bin| format!("b{bin} = prediction_signals.b{bin} + excluded.b{bin}")),
    );
    let mut row = values![&key.organisation, key.day, &key.release, key.signal, key.sku];
    row.extend(histogram.0.iter().map(|count| Value::from(i64::try_from(*count).unwrap_or(i64::MAX))));
    tx.later(&sql, row).await
}

impl Store {
    /// Signals of some days (since 1970, the last one left out) by SKU, of all releases together.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn signals(
        &self,
        organisation: &str,
        signal: Signal,
        days: std::ops::Range<i64>,
    ) -> Result<BTreeMap<i64, Histogram>, StoreError> {
        let sums = (0..BINS).map(|bin| format!("CAST(SUM(b{bin}) AS BIGINT) AS b{bin}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT sku, {sums} FROM prediction_signals \
             WHERE organisation = $1 AND day >= $2 AND day < $3 AND signal = $4 GROUP BY sku"
        );
        let row = values![organisation, days.start, days.end, signal.as_str()];
        self.database.all(&sql, row).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<(i64, Histogram), StoreError> {
    let mut histogram = Histogram::default();
    for (bin, count) in histogram.0.iter_mut().enumerate() {
        *count = row.int(&format!("b{bin}"))?.max(0).unsigned_abs();
    }
    Ok((row.int("sku")?, histogram))
}
