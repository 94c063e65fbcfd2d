//! A transaction, and the changes within it.
//!
//! SQLite's driver runs on a thread of its own: every statement is a way there and back, which costs more than most
//! statements do. So what needs no answer waits, and goes along with the next statement that needs one.

use sqlx::Transaction;
use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;

use super::row::Row;
use super::value::{Value, bound, values};
use super::writer::WriteOp;
use crate::error::StoreError;

/// Statements that wait at most: texts of a few at a time come again, and are prepared once.
const MAX_WAITING: usize = 8;

const BEGIN_CHANGE: &str = "SAVEPOINT change";
const KEEP_CHANGE: &str = "RELEASE SAVEPOINT change";
const DROP_CHANGE: &str = "ROLLBACK TO SAVEPOINT change";

/// A transaction.
pub(crate) struct Tx {
    driver: Driver,
    waiting: Vec<(String, Vec<Value>)>,
}

enum Driver {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) const fn sqlite(transaction: Transaction<'static, Sqlite>) -> Self {
        Self { driver: Driver::Sqlite(transaction), waiting: Vec::new() }
    }

    pub(super) const fn postgres(transaction: Transaction<'static, Postgres>) -> Self {
        Self { driver: Driver::Postgres(transaction), waiting: Vec::new() }
    }

    pub(crate) async fn all(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        Ok(match &mut self.driver {
            Driver::Sqlite(tx) => {
                let (sql, values) = joined(waiting, sql, values);
                bound!(Sqlite, sql, values).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect()
            }
            Driver::Postgres(tx) => {
                for (sql, values) in waiting {
                    bound!(Postgres, sql, values).execute(&mut **tx).await?;
                }
                bound!(Postgres, sql, values).fetch_all(&mut **tx).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    pub(crate) async fn optional(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    pub(crate) async fn one(&mut self, sql: &str, values: Vec<Value>) -> Result<Row, StoreError> {
        self.optional(sql, values).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Rows touched.
    pub(crate) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        // Apart from what waits, whose rows would be counted, too.
        self.settle().await?;
        Ok(match &mut self.driver {
            Driver::Sqlite(tx) => bound!(Sqlite, sql, values).execute(&mut **tx).await?.rows_affected(),
            Driver::Postgres(tx) => bound!(Postgres, sql, values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs a statement before the next one whose answer is needed, or at the end of the change, which fails when it does.
    pub(crate) async fn later(&mut self, sql: &str, values: Vec<Value>) -> Result<(), StoreError> {
        self.waiting.push((sql.to_owned(), values));
        if self.waiting.len() < MAX_WAITING { Ok(()) } else { self.settle().await }
    }

    /// Moves a counter on, for a statement that reads it. Holds the counter until the transaction ends.
    pub(crate) async fn advance(&mut self, counter: &str) -> Result<(), StoreError> {
        self.later("UPDATE counters SET value = value + 1 WHERE name = $1", values![counter]).await
    }

    /// The next number of a counter, held as by [`Tx::advance`].
    pub(crate) async fn next(&mut self, counter: &str) -> Result<i64, StoreError> {
        let sql = "UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value";
        self.one(sql, values![counter]).await?.int("value")
    }

    /// Ends a `SELECT` whose rows nobody else may change before this transaction ends.
    pub(crate) const fn locked(&self) -> &'static str {
        match self.driver {
            // There is one writer.
            Driver::Sqlite(_) => "",
            Driver::Postgres(_) => " FOR UPDATE",
        }
    }

    /// The same, leaving out rows that others hold.
    pub(crate) const fn skip_locked(&self) -> &'static str {
        match self.driver {
            Driver::Sqlite(_) => "",
            Driver::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Runs a change all or not at all, whatever becomes of others in this transaction. The second is an error when the
    /// transaction can hold no more changes.
    pub(super) async fn change<T>(&mut self, op: impl WriteOp<T>) -> (Result<T, StoreError>, Result<(), StoreError>) {
        self.waiting.push((BEGIN_CHANGE.to_owned(), Vec::new()));
        let outcome = match op(self).await {
            Ok(done) => {
                self.waiting.push((KEEP_CHANGE.to_owned(), Vec::new()));
                self.settle().await.map(|()| done)
            }
            Err(error) => Err(error),
        };
        let usable = if outcome.is_ok() { Ok(()) } else { self.drop_change().await };
        (outcome, usable)
    }

    async fn drop_change(&mut self) -> Result<(), StoreError> {
        let begun = self.waiting.first().is_none_or(|(sql, _)| sql != BEGIN_CHANGE);
        self.waiting.clear();
        if begun {
            self.execute(DROP_CHANGE, Vec::new()).await?;
            self.execute(KEEP_CHANGE, Vec::new()).await?;
        }
        Ok(())
    }

    /// Runs what waits.
    async fn settle(&mut self) -> Result<(), StoreError> {
        match self.waiting.pop() {
            Some((sql, values)) => self.all(&sql, values).await.map(drop),
            None => Ok(()),
        }
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.driver {
            Driver::Sqlite(tx) => tx.commit().await?,
            Driver::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// One text of several statements, as SQLite takes it: the values of all, numbered through.
fn joined(waiting: Vec<(String, Vec<Value>)>, sql: &str, values: Vec<Value>) -> (String, Vec<Value>) {
    let (mut text, mut all) = (String::new(), Vec::new());
    for (sql, values) in waiting {
        renumber(&sql, all.len(), &mut text);
        text.push_str("; ");
        all.extend(values);
    }
    renumber(sql, all.len(), &mut text);
    all.extend(values);
    (text, all)
}

/// `$1` becomes `$4` when three values come before it.
fn renumber(sql: &str, before: usize, text: &mut String) {
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match part[..digits].parse::<usize>() {
            Ok(number) => text.push_str(&format!("${}{}", number + before, &part[digits..])),
            Err(_) => {
                text.push('$');
                text.push_str(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_go_together_keep_their_values() {
        let waiting = vec![
            ("SAVEPOINT change".to_owned(), Vec::new()),
            ("UPDATE items SET a = $1, b = $2 WHERE a <> $1".to_owned(), values![1_i64, "$5"]),
            ("DELETE FROM labels WHERE seq = $1".to_owned(), values![7_i64]),
        ];
        let (sql, values) = joined(waiting, "SELECT $1 AS one, $12", values!["last"]);
        assert_eq!(
            sql,
            "SAVEPOINT change; UPDATE items SET a = $1, b = $2 WHERE a <> $1; DELETE FROM labels WHERE seq = $3; \
             SELECT $4 AS one, $15"
        );
        assert_eq!(values, values![1_i64, "$5", 7_i64, "last"]);
    }
}
