//! What is too old is forgotten, some at a time: others write in between.

use super::signals::DAY;
use crate::error::StoreError;
use crate::model::Timestamp;
use crate::sql::values;
use crate::store::Store;

/// Answers removed in one change.
const CHUNK: u32 = 5_000;

impl Store {
    /// Drops answers and signals from before a moment; says how many answers.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn forget_predictions(&self, organisation: &str, before: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let sql = format!(
                "SELECT at FROM predictions WHERE organisation = $1 AND at < $2 ORDER BY at, id LIMIT 1 OFFSET {CHUNK}"
            );
            let chunk = self.database.optional(&sql, values![organisation, before]).await?;
            let end = chunk.map(|row| row.int("at")).transpose()?;
            // As far as the chunk goes, and a millisecond at least.
            let until = end.map_or(before, |end| (end + 1).min(before));
            let organisation = organisation.to_owned();
            let sql = "DELETE FROM predictions WHERE organisation = $1 AND at < $2";
            let dropped = self
                .database
                .write_lease(move |tx| Box::pin(async move { tx.execute(sql, values![organisation, until]).await }));
            forgotten += dropped.await?;
            if end.is_none() {
                break;
            }
        }
        let (organisation, day) = (organisation.to_owned(), before.div_euclid(DAY));
        let sql = "DELETE FROM prediction_signals WHERE organisation = $1 AND day < $2";
        self.database
            .write_lease(move |tx| Box::pin(async move { tx.execute(sql, values![organisation, day]).await.map(drop) }))
            .await?;
        Ok(forgotten)
    }
}
