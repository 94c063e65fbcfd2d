//! What somebody says of a photo.

use vision::Sha256;

use super::boxes::{checked, visible};
use super::read::{Annotation, boxes_of};
use crate::error::StoreError;
use crate::idempotency::Key;
use crate::model::{Timestamp, now};
use crate::photos::{COLUMNS, Facing, Month, Photo, VerifyStatus, photo};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Most annotations of one photo.
const MAX_VERSIONS: i64 = 1_000;

/// Boxes as somebody leaves them.
#[derive(Debug, Clone, PartialEq)]
pub enum Boxes {
    /// As they were shown: those of the version, or of the answer.
    AsShown,
    /// These, all there are.
    Are(Vec<Facing>),
}

/// What somebody says of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Save {
    /// Id of the organisation.
    pub organisation: String,
    /// Of which photo.
    pub photo: Sha256,
    /// The version that was shown, 0 for the answer: another one since, and nothing is saved.
    pub version: i64,
    /// The boxes now.
    pub boxes: Boxes,
    /// Name of the reviewer.
    pub reviewer: String,
    /// When: it counts for that month.
    pub at: Timestamp,
    /// How many people must leave the same boxes: 1 or 2.
    pub looks: u32,
    /// Names the request.
    pub key: Option<Key>,
}

impl Store {
    /// Keeps what somebody says of a photo, as its next version.
    ///
    /// # Errors
    /// When the photo is not kept, somebody else has it at hand or has changed it since, a box may not be, or the database is not
    /// there.
    pub async fn save_boxes(&self, save: Save) -> Result<(Photo, Annotation), StoreError> {
        let save = Save { reviewer: self.reviewer(&save.reviewer).await?, ..save };
        self.database.write(move |tx| Box::pin(async move { keep(tx, save).await })).await
    }
}

async fn keep(tx: &mut Tx, save: Save) -> Result<(Photo, Annotation), StoreError> {
    let Save { organisation, photo: name, version, boxes, reviewer, at, looks, key } = save;
    let id = name.to_string();
    let done = match &key {
        Some(key) => key.take(tx).await?,
        None => None,
    };
    let sql = format!("SELECT {COLUMNS} FROM photos WHERE organisation = $1 AND photo = $2{}", tx.locked());
    let row = tx.optional(&sql, values![&organisation, &id]).await?;
    let found = row.as_ref().map(photo).transpose()?.ok_or_else(|| StoreError::not_found("photo", id.as_str()))?;
    if let Some(done) = done {
        let version = done.parse().map_err(|_| StoreError::Damaged { what: "answer of a key", value: done.clone() })?;
        let annotation = boxes_of(tx, &organisation, &id, version).await?;
        return Ok((found, annotation));
    }
    if let Some((by, until)) = &found.claim
        && *by != reviewer
        && *until > now()
    {
        return Err(StoreError::Claimed { item: id, until_ms: *until });
    }
    if found.version != version {
        return Err(StoreError::Changed { photo: id, shown: version, now: found.version });
    }
    if version >= MAX_VERSIONS {
        return Err(StoreError::TooOften { item: id, times: MAX_VERSIONS });
    }
    let boxes = match (boxes, version) {
        (Boxes::Are(boxes), _) => boxes,
        (Boxes::AsShown, 0) => visible(&found),
        (Boxes::AsShown, version) => boxes_of(tx, &organisation, &id, version).await?.boxes,
    };
    let boxes = checked(tx, &found, boxes).await?;
    let text = serde_json::to_string(&boxes).unwrap_or_default();
    let digest = Sha256::of(text.as_bytes()).to_string();
    let agreed = same_boxes(tx, &organisation, &id, &digest, &reviewer).await? + 1;
    let status = if agreed >= i64::from(looks) { VerifyStatus::Verified } else { VerifyStatus::Second };
    let month = (status == VerifyStatus::Verified).then(|| Month::of(at).0);
    let next = version + 1;
    let sql = "INSERT INTO photo_annotations (organisation, photo, version, at, reviewer, boxes, digest, verified_month) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    tx.execute(sql, values![&organisation, &id, next, at, &reviewer, &text, &digest, month]).await?;
    let sql = format!(
        "UPDATE photos SET status = $1, version = $2, claimed_by = NULL, claimed_until = 0 \
         WHERE organisation = $3 AND photo = $4 RETURNING {COLUMNS}"
    );
    let row = tx.one(&sql, values![status.as_str(), next, &organisation, &id]).await?;
    if let Some(key) = key {
        key.keep(tx, &next.to_string()).await?;
    }
    let annotation = Annotation { version: next, at, reviewer, boxes, verified: month.map(Month) };
    Ok((photo(&row)?, annotation))
}

/// How many other people left these very boxes last, one after the other.
async fn same_boxes(
    tx: &mut Tx,
    organisation: &str,
    id: &str,
    digest: &str,
    reviewer: &str,
) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(DISTINCT a.reviewer) AS people FROM photo_annotations a WHERE a.organisation = $1 AND a.photo = $2 \
               AND a.digest = $3 AND a.reviewer <> $4 AND NOT EXISTS (SELECT 1 FROM photo_annotations o \
               WHERE o.organisation = a.organisation AND o.photo = a.photo AND o.version > a.version AND o.digest <> a.digest)";
    tx.one(sql, values![organisation, id, digest, reviewer]).await?.int("people")
}
