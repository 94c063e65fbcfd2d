//! What may be forgotten: items nobody answered in time, and images that no row names. Never what a person labelled.

use std::collections::HashSet;
use std::time::Duration;

use crate::error::StoreError;
use crate::model::now;
use crate::sql::{Tx, values};
use crate::store::Store;

/// Items removed in one transaction: others write in between.
const CHUNK: u32 = 500;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Items that nobody answered are dropped after this time.
    pub max_age: Option<Duration>,
    /// Oldest items that nobody answered are dropped until the images take less than this.
    pub max_bytes: Option<u64>,
    /// Images younger than this are never swept: their row may be about to be written.
    pub grace: Duration,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Items dropped.
    pub items: u64,
    /// Images swept.
    pub images: u64,
    /// Their size together.
    pub bytes: u64,
}

impl Store {
    /// Drops what is too old or too much (images that no row names count, too), then sweeps images that no row names.
    ///
    /// # Errors
    /// When database or object store are not there.
    pub async fn forget(&self, retention: &Retention) -> Result<Forgotten, StoreError> {
        let mut forgotten = Forgotten::default();
        if let Some(age) = retention.max_age {
            let before = now().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            while let n @ 1.. = self.drop_oldest(before).await? {
                forgotten.items += n;
            }
        }
        if let Some(limit) = retention.max_bytes {
            let unnamed = self.unnamed_bytes().await?;
            while self.named_bytes().await? + unnamed > limit {
                match self.drop_oldest(i64::MAX).await? {
                    0 => break,
                    n => forgotten.items += n,
                }
            }
        }
        // Keys are for retries, not for ever.
        let old = now() - 7 * 86_400_000;
        self.database
            .write(move |tx| {
                Box::pin(async move { tx.execute("DELETE FROM idempotency WHERE at < $1", values![old]).await })
            })
            .await?;
        self.sweep(retention.grace, &mut forgotten).await?;
        Ok(forgotten)
    }

    async fn drop_oldest(&self, before: i64) -> Result<u64, StoreError> {
        self.database.write(move |tx| Box::pin(async move { drop_oldest(tx, before).await })).await
    }

    /// Bytes of all images that rows name.
    async fn named_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM objects";
        Ok(self.database.one(sql, Vec::new()).await?.int("bytes")?.unsigned_abs())
    }

    /// Bytes of images that no row names: they take room until they are old enough to be swept.
    async fn unnamed_bytes(&self) -> Result<u64, StoreError> {
        let all: u64 = self.objects.list().await?.iter().map(|object| object.bytes).sum();
        Ok(all.saturating_sub(self.named_bytes().await?))
    }

    async fn sweep(&self, grace: Duration, forgotten: &mut Forgotten) -> Result<(), StoreError> {
        let before = now().saturating_sub(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX));
        let found = self.objects.list().await?;
        // Asked after the list was made: an image that gained a row since is named.
        let rows = self.database.all("SELECT digest FROM objects", Vec::new()).await?;
        let named = rows.iter().map(|row| row.text("digest")).collect::<Result<HashSet<_>, _>>()?;
        for object in found {
            if object.written_ms < before && !named.contains(&object.digest.to_string()) {
                self.objects.delete(object.digest).await?;
                forgotten.images += 1;
                forgotten.bytes += object.bytes;
            }
        }
        Ok(())
    }
}

async fn drop_oldest(tx: &mut Tx, before: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT i.id FROM items i WHERE i.status = 'open' AND i.created_at < $1 AND i.claimed_until < $2 \
         AND NOT EXISTS (SELECT 1 FROM labels l WHERE l.item = i.id) \
         AND NOT EXISTS (SELECT 1 FROM comments c WHERE c.item = i.id) \
         ORDER BY i.created_at LIMIT {CHUNK}"
    );
    let rows = tx.all(&sql, values![before, now()]).await?;
    for row in &rows {
        let id = row.text("id")?;
        tx.execute("DELETE FROM item_embeddings WHERE item = $1", values![&id]).await?;
        tx.execute("DELETE FROM items WHERE id = $1", values![&id]).await?;
    }
    if rows.is_empty() {
        return Ok(0);
    }
    tx.execute(
        "DELETE FROM recognitions WHERE NOT EXISTS (SELECT 1 FROM items i WHERE i.recognition = recognitions.id)",
        Vec::new(),
    )
    .await?;
    let sql = "DELETE FROM objects WHERE NOT EXISTS (SELECT 1 FROM items i WHERE i.crop = objects.digest) \
               AND NOT EXISTS (SELECT 1 FROM recognitions r WHERE r.photo = objects.digest) \
               AND NOT EXISTS (SELECT 1 FROM exemplars e WHERE e.picture = objects.digest) \
               AND NOT EXISTS (SELECT 1 FROM thumbnails t WHERE t.thumbnail = objects.digest)";
    tx.execute(sql, Vec::new()).await?;
    Ok(rows.len() as u64)
}
