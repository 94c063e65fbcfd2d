//! A photo goes: the row, with what people said of it, at once and for all; the copies by [`Store::erase`].

use std::time::Duration;

use serde_json::json;
use vision::Sha256;

use super::{COLUMNS, Day, Photo, photo};
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::{new_id, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Photos dropped in one change: others write in between.
const CHUNK: u32 = 200;

/// How long photos are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoRetention {
    /// Photos older than this go; `None` keeps them.
    pub max_age: Option<Duration>,
    /// The oldest go until the files take less than this.
    pub max_bytes: Option<u64>,
}

impl Store {
    /// Deletes a photo for whoever owns it: row and annotations now, its file and all copies as soon as [`Store::erase`] comes
    /// to them. Audited.
    ///
    /// # Errors
    /// When none is kept, or the database is not there.
    pub async fn delete_photo(&self, name: Sha256, actor: &Actor) -> Result<Photo, StoreError> {
        let actor = actor.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let sql =
                        format!("SELECT {COLUMNS} FROM photos WHERE organisation = $1 AND photo = $2{}", tx.locked());
                    let row = tx.optional(&sql, values![&actor.organisation, name.to_string()]).await?;
                    let found = row.as_ref().map(photo).transpose()?;
                    let found = found.ok_or_else(|| StoreError::not_found("photo", name.to_string()))?;
                    drop_row(tx, &actor.organisation, &found).await?;
                    let record =
                        Record { before: found.photo.to_string(), ..Record::of("photo.delete", &name.to_string()) };
                    ledger.write(tx, &actor, record).await?;
                    Ok(found)
                })
            })
            .await
    }

    /// Drops photos that are too old or too much, the oldest first: never one that people have verified, or begun to. Says how
    /// many; audited once for all of a call.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn forget_photos(&self, retention: &PhotoRetention, actor: &Actor) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        if let Some(age) = retention.max_age {
            let before = now().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            while let n @ 1.. = self.drop_oldest_photos(actor, before, u64::MAX).await? {
                forgotten += n;
            }
        }
        if let Some(limit) = retention.max_bytes {
            while let excess @ 1.. = self.photo_bytes(&actor.organisation).await?.saturating_sub(limit) {
                match self.drop_oldest_photos(actor, i64::MAX, excess).await? {
                    0 => break,
                    n => forgotten += n,
                }
            }
        }
        if forgotten > 0 {
            let actor = actor.clone();
            self.database
                .write(move |tx| {
                    Box::pin(async move {
                        let ledger = Ledger::open(tx).await?;
                        let details = json!({"photos": forgotten});
                        ledger.write(tx, &actor, Record { details, ..Record::of("photo.forget", "retention") }).await
                    })
                })
                .await?;
        }
        Ok(forgotten)
    }

    /// Bytes of all files of an organisation's photos.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn photo_bytes(&self, organisation: &str) -> Result<u64, StoreError> {
        let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM photos WHERE organisation = $1";
        Ok(self.database.one(sql, values![organisation]).await?.int("bytes")?.unsigned_abs())
    }

    /// Until so many bytes are dropped, or a chunk is.
    async fn drop_oldest_photos(&self, actor: &Actor, before: i64, enough: u64) -> Result<u64, StoreError> {
        let organisation = actor.organisation.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let sql = format!(
                        "SELECT {COLUMNS} FROM photos WHERE organisation = $1 AND at < $2 AND version = 0 \
                         AND claimed_until < $3 ORDER BY at, photo LIMIT {CHUNK}{}",
                        tx.locked()
                    );
                    let rows = tx.all(&sql, values![&organisation, before, now()]).await?;
                    let (mut dropped, mut bytes) = (0, 0_u64);
                    for row in &rows {
                        if bytes >= enough {
                            break;
                        }
                        let found = photo(row)?;
                        drop_row(tx, &organisation, &found).await?;
                        (dropped, bytes) = (dropped + 1, bytes.saturating_add(found.bytes));
                    }
                    Ok(dropped)
                })
            })
            .await
    }
}

/// Without its row, with the wish that its copies go.
async fn drop_row(tx: &mut Tx, organisation: &str, found: &Photo) -> Result<(), StoreError> {
    let name = found.photo.to_string();
    let sql = "INSERT INTO photo_erasures (id, organisation, photo, object, extension, day, at, done_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)";
    let day = Day::of(found.at).0;
    tx.execute(sql, values![new_id(), organisation, &name, &found.object, &found.extension, day, now()]).await?;
    for table in ["photo_annotations", "photos"] {
        let sql = format!("DELETE FROM {table} WHERE organisation = $1 AND photo = $2");
        tx.execute(&sql, values![organisation, &name]).await?;
    }
    Ok(())
}
