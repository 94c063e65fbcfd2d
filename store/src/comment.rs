//! Words about an item.

use crate::error::StoreError;
use crate::idempotency::Key;
use crate::label::check_reviewer;
use crate::model::{Comment, now};
use crate::sql::values;
use crate::store::Store;

/// Longest comment, in characters.
pub const MAX_COMMENT: usize = 2_000;

/// Refuses what is empty or too long.
pub(crate) fn check_comment(text: &str) -> Result<(), StoreError> {
    let length = text.chars().count();
    if length > MAX_COMMENT || text.trim().is_empty() {
        let allowed = format!("1 to {MAX_COMMENT} characters");
        return Err(StoreError::invalid("comment", text, format!("{allowed}; it has {length}")));
    }
    Ok(())
}

impl Store {
    /// Adds a comment.
    ///
    /// # Errors
    /// When there is no such item, the text is empty or too long, or the database is not there.
    pub async fn comment(&self, item: &str, author: &str, body: &str, key: Option<Key>) -> Result<Comment, StoreError> {
        check_reviewer(author)?;
        check_comment(body)?;
        let (item, author, body) = (item.to_owned(), author.to_owned(), body.to_owned());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(key) = &key
                        && let Some(id) = key.take(tx).await?
                    {
                        let row = tx.one("SELECT at FROM comments WHERE id = $1", values![&id]).await?;
                        return Ok(Comment { at: row.int("at")?, id, author, body });
                    }
                    if tx.optional("SELECT 1 AS one FROM items WHERE id = $1", values![&item]).await?.is_none() {
                        return Err(StoreError::not_found("item", item));
                    }
                    let comment = Comment { id: uuid::Uuid::now_v7().to_string(), at: now(), author, body };
                    let sql = "INSERT INTO comments (id, item, at, author, body) VALUES ($1, $2, $3, $4, $5)";
                    let row = values![&comment.id, &item, comment.at, &comment.author, &comment.body];
                    tx.execute(sql, row).await?;
                    if let Some(key) = &key {
                        key.keep(tx, &comment.id).await?;
                    }
                    Ok(comment)
                })
            })
            .await
    }
}
