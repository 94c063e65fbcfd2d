//! A request that is sent twice is done once.

use crate::error::StoreError;
use crate::model::now;
use crate::sql::{Database, Tx, values};

/// Longest key taken.
const MAX_KEY: usize = 200;

/// What a client names its request by, so that it may send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    key: String,
    request: String,
}

impl Key {
    /// `key` as the client chose it; `request` says what is asked, so that another request under the same key is noticed.
    ///
    /// # Errors
    /// When the key is empty, too long or holds control characters.
    pub fn new(key: &str, request: impl Into<String>) -> Result<Self, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
            let allowed = format!("1 to {MAX_KEY} bytes without control characters");
            return Err(StoreError::invalid("Idempotency-Key", key, allowed));
        }
        Ok(Self { key: key.to_owned(), request: request.into() })
    }

    /// Takes the key for this transaction, or gives what was answered under it. Another process that holds the key is
    /// waited for.
    pub(crate) async fn take(&self, tx: &mut Tx) -> Result<Option<String>, StoreError> {
        let sql = "INSERT INTO idempotency (key, request, result, at) VALUES ($1, $2, '', $3) \
                   ON CONFLICT (key) DO NOTHING RETURNING key";
        if tx.optional(sql, values![&self.key, &self.request, now()]).await?.is_some() {
            return Ok(None);
        }
        let row = tx.one("SELECT request, result FROM idempotency WHERE key = $1", values![&self.key]).await?;
        if row.text("request")? == self.request {
            Ok(Some(row.text("result")?))
        } else {
            Err(StoreError::KeyReused { key: self.key.clone() })
        }
    }

    /// Whether this request was answered under the key. Only looked up: between this and [`Key::take`] it may be.
    pub(crate) async fn was_used(&self, database: &Database) -> Result<bool, StoreError> {
        let sql = "SELECT request FROM idempotency WHERE key = $1";
        match database.optional(sql, values![&self.key]).await? {
            None => Ok(false),
            Some(row) if row.text("request")? == self.request => Ok(true),
            Some(_) => Err(StoreError::KeyReused { key: self.key.clone() }),
        }
    }

    /// Keeps the answer.
    pub(crate) async fn keep(&self, tx: &mut Tx, result: &str) -> Result<(), StoreError> {
        tx.later("UPDATE idempotency SET result = $1 WHERE key = $2", values![result, &self.key]).await
    }
}
