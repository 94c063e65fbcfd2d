//! What was said, what a month brought, how far a day is.

use vision::Sha256;

use crate::error::StoreError;
use crate::model::Timestamp;
use crate::photos::{COLUMNS, Day, Facing, Month, Photo, photo};
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// Most photos of a page.
const MAX_PAGE: u32 = 1_000;

/// What somebody said of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// 1, 2, ...
    pub version: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub reviewer: String,
    /// All boxes there are.
    pub boxes: Vec<Facing>,
    /// The month in which it made the photo verified.
    pub verified: Option<Month>,
}

/// A photo with the boxes that people agreed on.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedPhoto {
    /// The photo.
    pub photo: Photo,
    /// What counts.
    pub annotation: Annotation,
}

/// How far the photos of a day are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyProgress {
    /// All of them.
    pub photos: u64,
    /// Those that nobody has looked at.
    pub open: u64,
    /// Those that wait for another look.
    pub second: u64,
    /// Those that are done.
    pub verified: u64,
    /// Those that somebody has at hand.
    pub claimed: u64,
}

/// What [`annotation`] reads.
const ANNOTATION: &str = "a.version AS a_version, a.at AS a_at, a.reviewer AS a_reviewer, a.boxes AS a_boxes, \
                          a.verified_month AS a_month";

fn annotation(row: &Row) -> Result<Annotation, StoreError> {
    let text = row.text("a_boxes")?;
    let damaged = |_| StoreError::Damaged { what: "list of boxes", value: crate::error::shorten(&text) };
    Ok(Annotation {
        version: row.int("a_version")?,
        at: row.int("a_at")?,
        reviewer: row.text("a_reviewer")?,
        boxes: serde_json::from_str(&text).map_err(damaged)?,
        verified: row.get::<Option<i64>>("a_month")?.map(Month),
    })
}

/// The annotation of that version.
pub(super) async fn boxes_of(
    tx: &mut Tx,
    organisation: &str,
    id: &str,
    version: i64,
) -> Result<Annotation, StoreError> {
    let sql = format!(
        "SELECT {ANNOTATION} FROM photo_annotations a WHERE a.organisation = $1 AND a.photo = $2 AND a.version = $3"
    );
    let row = tx.optional(&sql, values![organisation, id, version]).await?;
    annotation(&row.ok_or_else(|| StoreError::not_found("annotation", format!("{id} {version}")))?)
}

impl Store {
    /// What was said of a photo, oldest first.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn annotations(&self, organisation: &str, name: Sha256) -> Result<Vec<Annotation>, StoreError> {
        let sql = format!(
            "SELECT {ANNOTATION} FROM photo_annotations a WHERE a.organisation = $1 AND a.photo = $2 ORDER BY a.version"
        );
        self.database.all(&sql, values![organisation, name.to_string()]).await?.iter().map(annotation).collect()
    }

    /// Photos that became verified in a month, each as it was at the month's end, by their digests; at most `limit` (and 1,000), after
    /// the one where the last page ended. What is said later belongs to a later month: once a month is over, this stays as it is,
    /// but for what is deleted.
    ///
    /// # Errors
    /// When the database is not there, or a row is not understood.
    pub async fn verified_photos(
        &self,
        organisation: &str,
        month: Month,
        after: Option<Sha256>,
        limit: u32,
    ) -> Result<Vec<VerifiedPhoto>, StoreError> {
        let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("p.{}", column.trim())).collect();
        let sql = format!(
            "SELECT {}, {ANNOTATION} FROM photo_annotations a JOIN photos p ON p.organisation = a.organisation AND p.photo = a.photo \
             WHERE a.organisation = $1 AND a.verified_month = $2 AND a.photo > $3 AND NOT EXISTS (SELECT 1 FROM photo_annotations o \
             WHERE o.organisation = a.organisation AND o.photo = a.photo AND o.verified_month = $2 AND o.version > a.version) \
             ORDER BY a.photo LIMIT {}",
            columns.join(", "),
            limit.clamp(1, MAX_PAGE)
        );
        let after = after.map(|photo| photo.to_string()).unwrap_or_default();
        let rows = self.database.all(&sql, values![organisation, month.0, after]).await?;
        rows.iter().map(|row| Ok(VerifiedPhoto { photo: photo(row)?, annotation: annotation(row)? })).collect()
    }

    /// How many photos became verified in a month.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn count_verified(&self, organisation: &str, month: Month) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(DISTINCT photo) AS photos FROM photo_annotations WHERE organisation = $1 AND verified_month = $2";
        Ok(self.database.one(sql, values![organisation, month.0]).await?.int("photos")?.unsigned_abs())
    }

    /// How far the photos of a day are.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn verify_progress(
        &self,
        organisation: &str,
        day: Day,
        now: Timestamp,
    ) -> Result<VerifyProgress, StoreError> {
        let sum =
            |condition: &str| format!("CAST(COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS BIGINT)");
        let sql = format!(
            "SELECT COUNT(*) AS photos, {} AS opened, {} AS seconds, {} AS verified, {} AS claimed FROM photos \
             WHERE organisation = $1 AND day = $2",
            sum("status = 'open'"),
            sum("status = 'second'"),
            sum("status = 'verified'"),
            sum("claimed_until > $3"),
        );
        let row = self.database.one(&sql, values![organisation, day.0, now]).await?;
        let count = |column| Ok::<_, StoreError>(row.int(column)?.unsigned_abs());
        Ok(VerifyProgress {
            photos: count("photos")?,
            open: count("opened")?,
            second: count("seconds")?,
            verified: count("verified")?,
            claimed: count("claimed")?,
        })
    }

    /// Days that have photos, the last first, at most `limit` (and 1,000).
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn photo_days(&self, organisation: &str, limit: u32) -> Result<Vec<Day>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT day FROM photos WHERE organisation = $1 ORDER BY day DESC LIMIT {}",
            limit.clamp(1, MAX_PAGE)
        );
        let rows = self.database.all(&sql, values![organisation]).await?;
        rows.iter().map(|row| row.int("day").map(Day)).collect()
    }
}
