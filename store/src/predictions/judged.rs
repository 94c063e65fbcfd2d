//! What people said of what a release answered.

use crate::error::StoreError;
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

impl Store {
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
