//! How the review goes: depth, age, throughput, agreement, and how often the machine was right.

use vision::{ExemplarId, Sha256, SkuId};

use crate::error::StoreError;
use crate::model::{Timestamp, from_bytes, now};
use crate::sql::{Row, values};
use crate::store::Store;

/// A day in milliseconds.
const DAY: i64 = 86_400_000;
/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// The state of the queue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueueStats {
    /// Waiting for a person.
    pub open: u64,
    /// Waiting for a second look.
    pub conflict: u64,
    /// Answered.
    pub labelled: u64,
    /// Held by reviewers at the moment.
    pub claimed: u64,
    /// When the oldest item that waits was queued.
    pub oldest_open: Option<Timestamp>,
    /// Open items by foremost reason.
    pub reasons: Vec<(String, u64)>,
    /// Answers of the last hour.
    pub labels_last_hour: u64,
    /// Answers by reviewer, most first, of the last 30 days.
    pub reviewers: Vec<(String, u64)>,
    /// Items on which two or more people agreed, and on which they did not, so far.
    pub agreed: u64,
    /// See `agreed`.
    pub disagreed: u64,
    /// Day by day, oldest first, the last 30 days.
    pub days: Vec<DayStats>,
}

/// One day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DayStats {
    /// Its first moment.
    pub day: Timestamp,
    /// Items queued.
    pub queued: u64,
    /// Answers given.
    pub labelled: u64,
    /// Answers that name a SKU, of items the machine had a guess for.
    pub judged: u64,
    /// Those where the guess was that SKU.
    pub right: u64,
    /// As `judged`, items taken at random alone: an estimate without bias.
    pub random_judged: u64,
    /// As `right`, items taken at random alone.
    pub random_right: u64,
}

/// An item of which people said which SKU it is, and what the machine thought when it queued it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What people said.
    pub sku: SkuId,
    /// What the machine held for most probable.
    pub guess: Option<SkuId>,
    /// Of its crop.
    pub embedding: Vec<f32>,
    /// The exemplar it has become.
    pub exemplar: ExemplarId,
}

fn count(row: &Row, column: &str) -> Result<u64, StoreError> {
    Ok(row.int(column)?.unsigned_abs())
}

impl Store {
    /// The state of the queue.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn stats(&self) -> Result<QueueStats, StoreError> {
        let now = now();
        let mut stats = QueueStats::default();
        let database = &self.database;
        for row in database.all("SELECT status, COUNT(*) AS n FROM items GROUP BY status", Vec::new()).await? {
            let n = count(&row, "n")?;
            match row.text("status")?.as_str() {
                "open" => stats.open = n,
                "conflict" => stats.conflict = n,
                _ => stats.labelled = n,
            }
        }
        let sql = "SELECT COUNT(*) AS n FROM items WHERE status IN ('open', 'conflict') AND claimed_until > $1";
        stats.claimed = count(&database.one(sql, values![now]).await?, "n")?;
        let sql = "SELECT MIN(created_at) AS oldest FROM items WHERE status = 'open'";
        stats.oldest_open = database.one(sql, Vec::new()).await?.get("oldest")?;
        let sql =
            "SELECT reason, COUNT(*) AS n FROM items WHERE status = 'open' GROUP BY reason ORDER BY n DESC, reason";
        for row in database.all(sql, Vec::new()).await? {
            stats.reasons.push((row.text("reason")?, count(&row, "n")?));
        }
        let answers = "kind NOT IN ('skip', 'undo') AND at >= $1";
        let sql = format!("SELECT COUNT(*) AS n FROM labels WHERE {answers}");
        stats.labels_last_hour = count(&database.one(&sql, values![now - HOUR]).await?, "n")?;
        let sql = format!(
            "SELECT reviewer, COUNT(*) AS n FROM labels WHERE {answers} GROUP BY reviewer ORDER BY n DESC LIMIT 50"
        );
        for row in database.all(&sql, values![now - 30 * DAY]).await? {
            stats.reviewers.push((row.text("reviewer")?, count(&row, "n")?));
        }
        let sql = "SELECT COUNT(*) AS n FROM items WHERE agreements > 0";
        stats.agreed = count(&database.one(sql, Vec::new()).await?, "n")?;
        let sql = "SELECT COUNT(DISTINCT item) AS n FROM labels WHERE after_status = 'conflict' AND before_status = 'labelled' \
                   AND kind <> 'undo'";
        stats.disagreed = count(&database.one(sql, Vec::new()).await?, "n")?;
        stats.days = self.days(now).await?;
        Ok(stats)
    }

    async fn days(&self, now: Timestamp) -> Result<Vec<DayStats>, StoreError> {
        let today = now / DAY;
        let first = today - 29;
        let mut days: Vec<DayStats> =
            (first..=today).map(|d| DayStats { day: d * DAY, ..DayStats::default() }).collect();
        let place = |row: &Row| Ok::<_, StoreError>(usize::try_from(row.int("day")? - first).unwrap_or(usize::MAX));
        let sql = "SELECT created_at / 86400000 AS day, COUNT(*) AS n FROM items WHERE created_at >= $1 GROUP BY 1";
        for row in self.database.all(sql, values![first * DAY]).await? {
            if let Some(day) = days.get_mut(place(&row)?) {
                day.queued = count(&row, "n")?;
            }
        }
        let sql = "SELECT at / 86400000 AS day, COUNT(*) AS n FROM labels \
                   WHERE at >= $1 AND kind NOT IN ('skip', 'undo') GROUP BY 1";
        for row in self.database.all(sql, values![first * DAY]).await? {
            if let Some(day) = days.get_mut(place(&row)?) {
                day.labelled = count(&row, "n")?;
            }
        }
        // Judged by what the machine thought when it queued the item, on the day it did.
        let sql = "SELECT created_at / 86400000 AS day, COUNT(*) AS judged, \
                   CAST(SUM(CASE WHEN sku = label_sku THEN 1 ELSE 0 END) AS BIGINT) AS hit, \
                   CAST(SUM(CASE WHEN reason = 'random' THEN 1 ELSE 0 END) AS BIGINT) AS blind, \
                   CAST(SUM(CASE WHEN reason = 'random' AND sku = label_sku THEN 1 ELSE 0 END) AS BIGINT) AS blind_hit \
                   FROM items WHERE status = 'labelled' AND created_at >= $1 AND label_sku IS NOT NULL AND sku IS NOT NULL \
                   GROUP BY 1";
        for row in self.database.all(sql, values![first * DAY]).await? {
            if let Some(day) = days.get_mut(place(&row)?) {
                day.judged = count(&row, "judged")?;
                day.right = count(&row, "hit")?;
                day.random_judged = count(&row, "blind")?;
                day.random_right = count(&row, "blind_hit")?;
            }
        }
        Ok(days)
    }

    /// The items that were labelled last with a SKU, at most `limit`: what today's gallery is measured on.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn judged(&self, embedder: Sha256, limit: u32) -> Result<Vec<Judged>, StoreError> {
        // Labels of corrected boxes show another crop than the one that was guessed at.
        let sql = format!(
            "SELECT i.label_sku, i.sku, e.embedding, x.id FROM labels l JOIN items i ON i.label = l.seq \
             JOIN item_embeddings e ON e.item = i.id JOIN exemplars x ON x.label = l.seq AND x.active = 1 AND x.embedder = $1 \
             WHERE l.kind IN ('sku', 'new_sku') AND i.status = 'labelled' AND e.embedder = $1 \
             ORDER BY l.seq DESC LIMIT {limit}"
        );
        let rows = self.database.all(&sql, values![embedder.to_string()]).await?;
        let judged = |row: &Row| {
            let bytes: Vec<u8> = row.get("embedding")?;
            Ok(Judged {
                sku: SkuId(row.number("label_sku")?),
                guess: row.maybe_number("sku")?.map(SkuId),
                embedding: from_bytes(&bytes)?,
                exemplar: ExemplarId(row.int("id")?.unsigned_abs()),
            })
        };
        rows.iter().map(judged).collect()
    }

    /// When items were queued, since a moment: what limits per minute, hour and day start from.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn queued_since(&self, since: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        let sql = "SELECT created_at FROM items WHERE status IN ('open', 'labelled', 'conflict') AND created_at >= $1 \
                   ORDER BY created_at DESC LIMIT 20000";
        let rows = self.database.all(sql, values![since]).await?;
        rows.iter().map(|row| row.int("created_at")).collect()
    }
}
