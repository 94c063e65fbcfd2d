//! Answers by time, a page at a time.

use std::collections::BTreeMap;

use vision::{Sha256, SkuId};

use super::Prediction;
use crate::error::StoreError;
use crate::model::Timestamp;
use crate::sql::{Row, values};
use crate::store::Store;

/// Most answers of a page.
const MAX_PAGE: u32 = 10_000;

/// Which answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictionRange {
    /// Of this organisation.
    pub organisation: String,
    /// From this moment on.
    pub from: Timestamp,
    /// Before this one.
    pub until: Timestamp,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    at: Timestamp,
    id: i64,
}

/// Answers in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionPage {
    /// The oldest first.
    pub predictions: Vec<Prediction>,
    /// Ask with it for those that follow; `None` at the end.
    pub next: Option<Cursor>,
}

impl Store {
    /// A page of answers, at most `limit` (and 10,000), after the one where the last page ended. Answers are written a moment after
    /// they were given: a range is complete some seconds after its end.
    ///
    /// # Errors
    /// When the database is not there, or a row is not understood.
    pub async fn predictions(
        &self,
        range: &PredictionRange,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<PredictionPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let after = after.unwrap_or(Cursor { at: range.from, id: i64::MIN });
        let sql = format!(
            "SELECT at, id, request_id, release_name, arm, store_name, shelf, taken_at, photo, latency_ms, facings, unknown, counts \
             FROM predictions WHERE organisation = $1 AND at < $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT {}",
            limit + 1
        );
        let rows = self.database.all(&sql, values![&range.organisation, range.until, after.at, after.id]).await?;
        let mut predictions = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let more = predictions.len() > limit as usize;
        predictions.truncate(limit as usize);
        let last = predictions.last().filter(|_| more);
        let next = last.map(|last| Cursor { at: last.at, id: last.id });
        Ok(PredictionPage { predictions, next })
    }
}

fn read(row: &Row) -> Result<Prediction, StoreError> {
    let photo: Vec<u8> = row.get("photo")?;
    let photo = photo
        .try_into()
        .map(Sha256)
        .map_err(|photo: Vec<u8>| StoreError::Damaged { what: "digest", value: format!("{} bytes", photo.len()) })?;
    Ok(Prediction {
        at: row.int("at")?,
        id: row.int("id")?,
        request_id: row.text("request_id")?,
        release: row.text("release_name")?,
        arm: row.get("arm")?,
        store: row.get("store_name")?,
        shelf: row.get("shelf")?,
        taken_at: row.get("taken_at")?,
        photo,
        latency_ms: row.real("latency_ms")?,
        facings: row.number("facings")?,
        unknown: row.number("unknown")?,
        counts: counts(&row.text("counts")?)?,
    })
}

fn counts(text: &str) -> Result<BTreeMap<SkuId, u32>, StoreError> {
    let damaged = || StoreError::Damaged { what: "counts", value: crate::error::shorten(text) };
    let by_number: BTreeMap<String, u32> = serde_json::from_str(text).map_err(|_| damaged())?;
    let read = |(sku, count): (String, u32)| Ok((SkuId(sku.parse().map_err(|_| damaged())?), count));
    by_number.into_iter().map(read).collect()
}
