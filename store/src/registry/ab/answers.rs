//! What models of tables answered within a test, and what turned out to be right.

use serde_json::Value as Json;

use super::{AbTest, Arm};
use crate::error::StoreError;
use crate::model::{Timestamp, new_id, now};
use crate::sql::values;
use crate::store::Store;

/// Rows of an answer up to which classes are kept, so that what turns out can be compared here.
const MAX_KEPT: usize = 100;
/// Longest text of them.
const MAX_TEXT: usize = 16 << 10;
/// Answers forgotten in one change.
const CHUNK: u32 = 5_000;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct AbAnswer {
    /// By which side.
    pub arm: Arm,
    /// How long it took.
    pub latency_ms: f64,
    /// Rows that were asked about.
    pub rows: usize,
    /// Classes that were told; `None` of numbers.
    pub classes: Option<Vec<Json>>,
}

/// What turned out.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// What each row really was.
    Actual(Vec<Json>),
    /// How many rows were right.
    Right(u64),
}

impl Store {
    /// Writes an answer down; gives the id by which it is told later what turned out.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn log_ab_answer(&self, test: &AbTest, answer: AbAnswer) -> Result<String, StoreError> {
        let id = new_id();
        let classes = answer.classes.filter(|classes| classes.len() <= MAX_KEPT);
        let text = classes.map(|classes| Json::Array(classes).to_string()).filter(|text| text.len() <= MAX_TEXT);
        let rows = i64::try_from(answer.rows).unwrap_or(i64::MAX);
        let row = values![&id, &test.id, answer.arm.as_str(), now(), answer.latency_ms, rows, text];
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO ab_answers (id, test, arm, at, latency_ms, row_count, prediction) \
                               VALUES ($1, $2, $3, $4, $5, $6, $7)";
                    tx.execute(sql, row).await.map(drop)
                })
            })
            .await?;
        Ok(id)
    }

    /// Notes what turned out of an answer, once. Also after the test has ended: it may take long to turn out.
    ///
    /// # Errors
    /// When the test has no such answer, the outcome does not fit it, or another one was told before.
    pub async fn tell_ab_outcome(&self, test: &AbTest, answer: &str, outcome: Outcome) -> Result<(), StoreError> {
        let (test, answer) = (test.clone(), answer.to_owned());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let sql = format!(
                        "SELECT row_count, prediction, right_rows FROM ab_answers WHERE id = $1 AND test = $2{}",
                        tx.locked()
                    );
                    let row = tx.optional(&sql, values![&answer, &test.id]).await?;
                    let row = row.ok_or_else(|| StoreError::not_found("prediction", &answer))?;
                    let right = right(&outcome, row.int("row_count")?.unsigned_abs(), row.get("prediction")?)?;
                    match row.get::<Option<i64>>("right_rows")? {
                        Some(told) if told == right => return Ok(()),
                        Some(_) => {
                            let remedy = "what turned out of this prediction was told before, and was something else";
                            return Err(StoreError::AbTest { test: test.name, stands: "has an outcome", remedy });
                        }
                        None => {}
                    }
                    let sql = "UPDATE ab_answers SET right_rows = $1, told_at = $2 WHERE id = $3";
                    tx.execute(sql, values![right, now(), &answer]).await.map(drop)
                })
            })
            .await
    }

    /// Drops answers from before a moment of tests that have ended; says how many.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn forget_ab_answers(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let sql = format!(
                "DELETE FROM ab_answers WHERE id IN (SELECT w.id FROM ab_answers w JOIN ab_tests t ON t.id = w.test \
                 WHERE w.at < $1 AND t.ended_at IS NOT NULL LIMIT {CHUNK})"
            );
            let dropped = self
                .database
                .write_lease(move |tx| Box::pin(async move { tx.execute(&sql, values![before]).await }))
                .await?;
            forgotten += dropped;
            if dropped < u64::from(CHUNK) {
                return Ok(forgotten);
            }
        }
    }
}

/// How many rows were right.
fn right(outcome: &Outcome, rows: u64, prediction: Option<String>) -> Result<i64, StoreError> {
    match outcome {
        Outcome::Right(right) if *right <= rows => Ok(i64::try_from(*right).unwrap_or(i64::MAX)),
        Outcome::Right(right) => {
            Err(StoreError::invalid("right", right, format!("a whole number up to {rows}, the rows of the prediction")))
        }
        Outcome::Actual(actual) => {
            let Some(text) = prediction else {
                let allowed =
                    "left out: this prediction was of numbers or of many rows; tell how many were right in `right`";
                return Err(StoreError::invalid("actual", format!("{} values", actual.len()), allowed));
            };
            let told: Vec<Json> = serde_json::from_str(&text)
                .map_err(|_| StoreError::Damaged { what: "prediction", value: crate::error::shorten(&text) })?;
            if told.len() != actual.len() {
                let allowed = format!("a value for each of its {} rows", told.len());
                return Err(StoreError::invalid("actual", format!("{} values", actual.len()), allowed));
            }
            let right = told.iter().zip(actual).filter(|(told, actual)| told == actual).count();
            Ok(i64::try_from(right).unwrap_or(i64::MAX))
        }
    }
}
