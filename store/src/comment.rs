//! Words about an item.

use crate::error::StoreError;
use crate::idempotency::Key;
use crate::model::{Comment, now};
use crate::sql::{Row, values};
use crate::store::Store;

/// Longest comment, in characters.
pub const MAX_COMMENT: usize = 2_000;
/// Maximum number of comments about one item.
const MAX_COMMENTS: i64 = 1_000;
/// Comments of a page.
pub const COMMENTS: u32 = 50;

/// A page of comments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommentPage {
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// Asks for what follows; absent at the end.
    pub next: Option<String>,
}

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
    /// What was said about an item: [`COMMENTS`] at a time, oldest first, those that follow `after` (a page's `next`).
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn comments(&self, item: &str, after: Option<&str>) -> Result<CommentPage, StoreError> {
        let sql = format!(
            "SELECT id, at, author, body FROM comments WHERE item = $1 AND id > $2 ORDER BY id LIMIT {}",
            COMMENTS + 1
        );
        let rows = self.database.all(&sql, values![item, after.unwrap_or_default()]).await?;
        let mut comments = rows.iter().map(comment).collect::<Result<Vec<_>, _>>()?;
        let more = comments.len() > COMMENTS as usize;
        comments.truncate(COMMENTS as usize);
        let next = comments.last().filter(|_| more).map(|last| last.id.clone());
        Ok(CommentPage { comments, next })
    }

    /// Adds a comment.
    ///
    /// # Errors
    /// When there is no such item, the text is empty or too long, or the database is not there.
    pub async fn comment(&self, item: &str, author: &str, body: &str, key: Option<Key>) -> Result<Comment, StoreError> {
        check_comment(body)?;
        let (item, author, body) = (item.to_owned(), self.reviewer(author).await?, body.to_owned());
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
                    let sql = "SELECT COUNT(*) AS comments FROM comments WHERE item = $1";
                    if tx.one(sql, values![&item]).await?.int("comments")? >= MAX_COMMENTS {
                        let allowed = format!("about an item that has less than {MAX_COMMENTS} comments");
                        return Err(StoreError::invalid("comment", body, allowed));
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

fn comment(row: &Row) -> Result<Comment, StoreError> {
    Ok(Comment { id: row.text("id")?, at: row.int("at")?, author: row.text("author")?, body: row.text("body")? })
}
