//! The next photo of a day, for one reviewer alone.

use std::time::Duration;

use vision::Sha256;

use crate::error::StoreError;
use crate::model::{digest, now};
use crate::photos::{COLUMNS, Day, Photo, photo};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Photos that one reviewer holds at a time: the one on screen, and one that is fetched.
pub const MAX_HELD: u32 = 4;

/// What a reviewer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPhoto {
    /// Id of the organisation.
    pub organisation: String,
    /// Of this day.
    pub day: Day,
    /// Name of the reviewer.
    pub reviewer: String,
    /// How long nobody else gets it.
    pub lease: Duration,
    /// Photos that are in the reviewer's hands. What they hold besides, they get again: a page that was loaded anew knows nothing of it.
    /// `None`: each asking gets another photo.
    pub holding: Option<Vec<Sha256>>,
}

impl Store {
    /// The next photo of a day that this reviewer can bring on, held until the lease ends or the power goes: first second
    /// looks at what others left, then what nobody has looked at. `None`: there is none, or they hold as many as they may.
    ///
    /// # Errors
    /// When the reviewer's name cannot be used, or the database is not there.
    pub async fn next_photo(&self, next: NextPhoto) -> Result<Option<Photo>, StoreError> {
        let next = NextPhoto { reviewer: self.reviewer(&next.reviewer).await?, ..next };
        self.database.write_lease(move |tx| Box::pin(async move { claim(tx, &next).await })).await
    }

    /// Gives a photo back that will not be looked at; says whether the reviewer held it.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn release_photo(&self, organisation: &str, name: Sha256, reviewer: &str) -> Result<bool, StoreError> {
        let (organisation, reviewer) = (organisation.to_owned(), self.reviewer(reviewer).await?);
        let sql = "UPDATE photos SET claimed_by = NULL, claimed_until = 0 WHERE organisation = $1 AND photo = $2 \
                   AND claimed_by = $3";
        let row = values![organisation, name.to_string(), reviewer];
        let released = self.database.write_lease(move |tx| Box::pin(async move { tx.execute(sql, row).await }));
        Ok(released.await? == 1)
    }
}

async fn claim(tx: &mut Tx, next: &NextPhoto) -> Result<Option<Photo>, StoreError> {
    let NextPhoto { organisation, day, reviewer, holding, .. } = next;
    let at = now();
    if let Some(holding) = holding
        && let Some(lost) = held(tx, next, at).await?.into_iter().find(|photo| !holding.contains(photo))
    {
        return hold(tx, next, &lost.to_string(), at).await.map(Some);
    }
    let sql = "SELECT COUNT(*) AS held FROM photos WHERE organisation = $1 AND claimed_by = $2 AND claimed_until > $3";
    if tx.one(sql, values![organisation, reviewer, at]).await?.number("held")? >= MAX_HELD {
        return Ok(None);
    }
    let skip = tx.skip_locked();
    // Whoever left the boxes as they are now says nothing new by leaving them once more.
    let second = format!(
        "SELECT p.photo FROM photos p WHERE p.organisation = $1 AND p.status = 'second' AND p.day = $2 AND p.claimed_until < $3 \
         AND NOT EXISTS (SELECT 1 FROM photo_annotations a JOIN photo_annotations l ON l.organisation = a.organisation \
         AND l.photo = a.photo AND l.version = p.version AND l.digest = a.digest \
         WHERE a.organisation = p.organisation AND a.photo = p.photo AND a.reviewer = $4) ORDER BY p.photo LIMIT 1{skip}"
    );
    let open = format!(
        "SELECT p.photo FROM photos p WHERE p.organisation = $1 AND p.status = 'open' AND p.day = $2 AND p.claimed_until < $3 \
         ORDER BY p.photo LIMIT 1{skip}"
    );
    let mut found = tx.optional(&second, values![organisation, day.0, at, reviewer]).await?;
    if found.is_none() {
        found = tx.optional(&open, values![organisation, day.0, at]).await?;
    }
    match found {
        Some(found) => hold(tx, next, &found.text("photo")?, at).await.map(Some),
        None => Ok(None),
    }
}

/// What the reviewer holds of the day and can still bring on.
async fn held(tx: &mut Tx, next: &NextPhoto, at: i64) -> Result<Vec<Sha256>, StoreError> {
    let sql = "SELECT photo FROM photos WHERE organisation = $1 AND claimed_by = $2 AND claimed_until > $3 AND day = $4 \
               AND status IN ('open', 'second') ORDER BY photo";
    let NextPhoto { organisation, day, reviewer, .. } = next;
    let rows = tx.all(sql, values![organisation, reviewer, at, day.0]).await?;
    rows.iter().map(|row| digest(&row.text("photo")?)).collect()
}

async fn hold(tx: &mut Tx, next: &NextPhoto, found: &str, at: i64) -> Result<Photo, StoreError> {
    let NextPhoto { organisation, reviewer, lease, .. } = next;
    let until = at.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
    let sql = format!(
        "UPDATE photos SET claimed_by = $1, claimed_until = $2 WHERE organisation = $3 AND photo = $4 RETURNING {COLUMNS}"
    );
    let row = tx.one(&sql, values![reviewer, until, organisation, found]).await?;
    photo(&row)
}
