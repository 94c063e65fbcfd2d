//! How a release did while it answered, and what people said of it.

use vision::sequential::Proportion;

use crate::error::StoreError;
use crate::model::Timestamp;
use crate::sql::values;
use crate::store::Store;

/// What people said of a release's facings that were put aside for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judgement {
    /// Facings that people named.
    pub judged: u64,
    /// Those whose first candidate was right.
    pub right: u64,
    /// The same of facings that were sampled blindly: what is unsure is asked about more often, and says nothing of the rest.
    pub sampled: u64,
    /// Those of them whose first candidate was right.
    pub sampled_right: u64,
}

/// How a release did while it answered.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Answered {
    /// Answers.
    pub answers: u64,
    /// Facings on them.
    pub facings: u64,
    /// Those of no SKU.
    pub unknown: u64,
    /// Mean time of an answer; `None` without any.
    pub latency_ms: Option<f64>,
}

impl Judgement {
    /// What the blind sample says: the only part that speaks of all facings.
    #[must_use]
    pub fn sample(&self) -> Proportion {
        Proportion { right: self.sampled_right, of: self.sampled }
    }
}

impl Answered {
    /// `None` without answers.
    #[must_use]
    pub fn facings_per_answer(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.facings as f64 / self.answers as f64)
    }

    /// `None` without facings.
    #[must_use]
    pub fn unknown_fraction(&self) -> Option<f64> {
        (self.facings > 0).then(|| self.unknown as f64 / self.facings as f64)
    }
}

impl Store {
    /// How `release` (name and version), or one arm of a test with it, did since a moment. Reads all answers since then. What a
    /// release was only tried on beside the one that answered is left out, unless that arm is asked for.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn answered(
        &self,
        organisation: &str,
        release: &str,
        arm: Option<&str>,
        since: Timestamp,
    ) -> Result<Answered, StoreError> {
        let sql = "SELECT COUNT(*) AS answers, CAST(COALESCE(SUM(facings), 0) AS BIGINT) AS facings, \
                   CAST(COALESCE(SUM(unknown), 0) AS BIGINT) AS unknown, AVG(latency_ms) AS latency_ms FROM predictions \
                   WHERE organisation = $1 AND at >= $2 AND release_name = $3 \
                   AND (arm = $4 OR ($4 = '' AND (arm IS NULL OR arm NOT LIKE '%/shadow')))";
        let row = self.database.one(sql, values![organisation, since, release, arm.unwrap_or_default()]).await?;
        let count = |column| Ok::<_, StoreError>(row.int(column)?.max(0).unsigned_abs());
        Ok(Answered {
            answers: count("answers")?,
            facings: count("facings")?,
            unknown: count("unknown")?,
            latency_ms: row.get("latency_ms")?,
        })
    }

    /// What people said of what `release` (name and version) answered, or one arm of a test with it.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn judgement(&self, release: &str, arm: Option<&str>) -> Result<Judgement, StoreError> {
        let right = "CASE WHEN i.label_sku = i.sku THEN 1 ELSE 0 END";
        let sampled = "CASE WHEN i.reason = 'random' THEN 1 ELSE 0 END";
        let sum = |what: String| format!("CAST(COALESCE(SUM({what}), 0) AS BIGINT)");
        let sql = format!(
            "SELECT COUNT(*) AS judged, {} AS correct, {} AS sampled, {} AS sampled_correct \
             FROM items i JOIN recognitions r ON r.id = i.recognition \
             WHERE r.release_name = $1 AND ($2 = '' OR r.arm = $2) \
             AND i.status = 'labelled' AND i.label_sku IS NOT NULL AND i.sku IS NOT NULL",
            sum(right.to_owned()),
            sum(sampled.to_owned()),
            sum(format!("({right}) * ({sampled})")),
        );
        let row = self.database.one(&sql, values![release, arm.unwrap_or_default()]).await?;
        let count = |column| Ok::<_, StoreError>(row.int(column)?.max(0).unsigned_abs());
        Ok(Judgement {
            judged: count("judged")?,
            right: count("correct")?,
            sampled: count("sampled")?,
            sampled_right: count("sampled_correct")?,
        })
    }
}
