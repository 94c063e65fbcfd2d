//! A photo, or those of a day, a page at a time.

use vision::Sha256;

use super::{Day, Facing, Photo};
use crate::error::StoreError;
use crate::model::digest;
use crate::sql::{Row, values};
use crate::store::Store;

/// Most photos of a page.
const MAX_PAGE: u32 = 1_000;

/// What [`photo`] reads.
pub(crate) const COLUMNS: &str = "photo, at, request_id, release_name, store_name, shelf, taken_at, object, extension, \
                                  bytes, width, height, picture_hash, answer, status, version, claimed_by, claimed_until";

pub(crate) fn photo(row: &Row) -> Result<Photo, StoreError> {
    let claimed_by: Option<String> = row.get("claimed_by")?;
    let until = row.int("claimed_until")?;
    Ok(Photo {
        photo: digest(&row.text("photo")?)?,
        at: row.int("at")?,
        request_id: row.text("request_id")?,
        release: row.text("release_name")?,
        store: row.get("store_name")?,
        shelf: row.get("shelf")?,
        taken_at: row.get("taken_at")?,
        object: row.text("object")?,
        extension: row.text("extension")?,
        bytes: row.int("bytes")?.unsigned_abs(),
        width: row.number("width")?,
        height: row.number("height")?,
        image_hash: row.get::<Option<i64>>("picture_hash")?.map(i64::cast_unsigned),
        answer: facings(&row.text("answer")?)?,
        status: row.text("status")?.parse()?,
        version: row.int("version")?,
        claim: claimed_by.map(|by| (by, until)),
    })
}

pub(crate) fn facings(text: &str) -> Result<Vec<Facing>, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "list of boxes", value: crate::error::shorten(text) };
    serde_json::from_str(text).map_err(damaged)
}

impl Store {
    /// The photo of that digest.
    ///
    /// # Errors
    /// When none is kept, or the database is not there.
    pub async fn photo(&self, organisation: &str, name: Sha256) -> Result<Photo, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM photos WHERE organisation = $1 AND photo = $2");
        let row = self.database.optional(&sql, values![organisation, name.to_string()]).await?;
        row.as_ref().map(photo).transpose()?.ok_or_else(|| StoreError::not_found("photo", name.to_string()))
    }

    /// Photos answered on a day, by their digests, at most `limit` (and 1,000), after the one where the last page ended.
    ///
    /// # Errors
    /// When the database is not there, or a row is not understood.
    pub async fn photos_of_day(
        &self,
        organisation: &str,
        day: Day,
        after: Option<Sha256>,
        limit: u32,
    ) -> Result<Vec<Photo>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM photos WHERE organisation = $1 AND day = $2 AND photo > $3 ORDER BY photo LIMIT {}",
            limit.clamp(1, MAX_PAGE)
        );
        let after = after.map(|photo| photo.to_string()).unwrap_or_default();
        self.database.all(&sql, values![organisation, day.0, after]).await?.iter().map(photo).collect()
    }

    /// How many photos were answered on a day.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn count_photos(&self, organisation: &str, day: Day) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) AS photos FROM photos WHERE organisation = $1 AND day = $2";
        Ok(self.database.one(sql, values![organisation, day.0]).await?.int("photos")?.unsigned_abs())
    }
}
