//! Every copy of a photo that was deleted: its file, data sets made of it, what waits in the review queue.

use std::time::{Duration, Instant};

use vision::Sha256;

use super::{Day, Month};
use crate::error::StoreError;
use crate::flows::{Flow, Leader};
use crate::model::{Timestamp, digest, now};
use crate::sets::{SetName, erase_from};
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// Erasures done in one call.
const AT_ONCE: u32 = 1_000;

/// Longest time for one photo of one set.
const TURN: Duration = Duration::from_secs(120);
/// Longest wait for one's turn.
const PATIENCE: Duration = Duration::from_secs(300);

/// A photo whose copies must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// UUID.
    pub id: String,
    /// Id of the organisation whose photo it was.
    pub organisation: String,
    /// Its digest.
    pub photo: Sha256,
    /// Its file in the bucket of photos.
    pub object: String,
    /// Extension of its copies.
    pub extension: String,
    /// When it was answered.
    pub day: Day,
}

const COLUMNS: &str = "id, organisation, photo, object, extension, day";

fn erasure(row: &Row) -> Result<Erasure, StoreError> {
    Ok(Erasure {
        id: row.text("id")?,
        organisation: row.text("organisation")?,
        photo: digest(&row.text("photo")?)?,
        object: row.text("object")?,
        extension: row.text("extension")?,
        day: Day(row.int("day")?),
    })
}

impl Store {
    /// Removes all copies of photos that were deleted and not yet erased, the oldest first; says how many. Broken off anywhere, it
    /// goes on with the next call.
    ///
    /// # Errors
    /// When database or buckets are not there.
    pub async fn erase(&self) -> Result<u64, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM photo_erasures WHERE done_at IS NULL ORDER BY id LIMIT {AT_ONCE}");
        let rows = self.database.all(&sql, Vec::new()).await?;
        let open = rows.iter().map(erasure).collect::<Result<Vec<_>, _>>()?;
        for erasure in &open {
            self.erase_one(erasure).await?;
        }
        Ok(open.len() as u64)
    }

    /// Removes the copies of one photo.
    ///
    /// # Errors
    /// As [`Store::erase`].
    pub async fn erase_photo(&self, organisation: &str, photo: Sha256) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM photo_erasures WHERE organisation = $1 AND photo = $2 AND done_at IS NULL ORDER BY id"
        );
        for row in &self.database.all(&sql, values![organisation, photo.to_string()]).await? {
            self.erase_one(&erasure(row)?).await?;
        }
        Ok(())
    }

    /// Photos that were deleted since a moment: whoever writes a set meanwhile has to leave them out.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn erasures_since(&self, organisation: &str, at: Timestamp) -> Result<Vec<Erasure>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM photo_erasures WHERE organisation = $1 AND at >= $2 ORDER BY id");
        self.database.all(&sql, values![organisation, at]).await?.iter().map(erasure).collect()
    }

    /// Removes the copy of one photo from one set. One photo at a time, over all processes: a file of labels holds many.
    ///
    /// # Errors
    /// As [`Store::erase`]; when others take too long.
    pub async fn erase_from_set(&self, set: &SetName, erasure: &Erasure) -> Result<(), StoreError> {
        let turn = Leader::of("photo erasures");
        let begun = Instant::now();
        while !self.lead(&turn, TURN).await? {
            if begun.elapsed() > PATIENCE {
                return Err(StoreError::objects("another erasure takes too long"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Whoever takes longer than its turn is broken off before another begins.
        let erased = erase_from(self.artifacts()?, set, erasure.photo, &erasure.extension);
        let erased = tokio::time::timeout(TURN / 2, erased).await;
        self.step_down(&turn).await?;
        erased.map_err(|_| StoreError::objects("the erasure took too long"))?
    }

    async fn erase_one(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.photo_files()?.delete(&erasure.object).await?;
        for set in self.sets_with(erasure).await? {
            self.erase_from_set(&set, erasure).await?;
        }
        self.erase_from_queue(erasure.photo).await?;
        let id = erasure.id.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE photo_erasures SET done_at = $1 WHERE id = $2";
                    tx.execute(sql, values![now(), &id]).await.map(drop)
                })
            })
            .await
    }

    /// Sets that were begun and may have it: candidates of its day, what was made of them since.
    async fn sets_with(&self, erasure: &Erasure) -> Result<Vec<SetName>, StoreError> {
        let sql = "SELECT flow, period FROM flow_runs WHERE organisation = $1 AND ((flow = 'daily' AND period = $2) \
                   OR (flow = 'monthly' AND period >= $3)) ORDER BY flow, period";
        let month = erasure.day.month().to_string();
        let rows = self.database.all(sql, values![&erasure.organisation, erasure.day.to_string(), month]).await?;
        let mut sets = Vec::new();
        for row in rows {
            let damaged = |text: &str| StoreError::Damaged { what: "period of a flow", value: text.to_owned() };
            let period = row.text("period")?;
            match row.text("flow")?.parse()? {
                Flow::Daily => sets.push(SetName::candidates(period.parse().map_err(|_| damaged(&period))?)),
                Flow::Monthly => {
                    let month: Month = period.parse().map_err(|_| damaged(&period))?;
                    sets.extend([SetName::verified(month), SetName::full(month)]);
                }
            }
        }
        Ok(sets)
    }

    /// What of it waits in the review queue goes, rows and images; of what people answered the images go, their answers stay.
    async fn erase_from_queue(&self, photo: Sha256) -> Result<(), StoreError> {
        let name = photo.to_string();
        let images = self.database.write(move |tx| Box::pin(async move { erase_items(tx, &name).await })).await?;
        for image in images {
            self.objects.delete(digest(&image)?).await?;
        }
        Ok(())
    }
}

/// Gives the images that were only this photo's.
async fn erase_items(tx: &mut Tx, photo: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT i.id, i.crop, (SELECT COUNT(*) FROM labels l WHERE l.item = i.id) AS labels \
               FROM items i JOIN recognitions r ON r.id = i.recognition WHERE r.photo = $1";
    let rows = tx.all(sql, values![photo]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut images = vec![photo.to_owned()];
    for row in &rows {
        let (id, crop) = (row.text("id")?, row.text("crop")?);
        let elsewhere = "SELECT 1 AS one FROM items i JOIN recognitions r ON r.id = i.recognition \
                         WHERE i.crop = $1 AND r.photo <> $2 LIMIT 1";
        if tx.optional(elsewhere, values![&crop, photo]).await?.is_none() {
            images.push(crop);
        }
        if row.int("labels")? == 0 {
            for (table, column) in [("item_embeddings", "item"), ("comments", "item"), ("items", "id")] {
                tx.execute(&format!("DELETE FROM {table} WHERE {column} = $1"), values![&id]).await?;
            }
        }
    }
    let sql = "DELETE FROM recognitions WHERE photo = $1 AND NOT EXISTS (SELECT 1 FROM items i WHERE i.recognition = recognitions.id)";
    tx.execute(sql, values![photo]).await?;
    for image in &images {
        let sql = "DELETE FROM objects WHERE digest = $1 AND NOT EXISTS (SELECT 1 FROM items i WHERE i.crop = objects.digest) \
                   AND NOT EXISTS (SELECT 1 FROM recognitions r WHERE r.photo = objects.digest) \
                   AND NOT EXISTS (SELECT 1 FROM exemplars e WHERE e.picture = objects.digest) \
                   AND NOT EXISTS (SELECT 1 FROM thumbnails t WHERE t.thumbnail = objects.digest)";
        tx.execute(sql, values![image]).await?;
    }
    Ok(images)
}
