//! Work for a reviewer: items that nobody else gets meanwhile.

use std::time::Duration;

use crate::error::StoreError;
use crate::idempotency::Key;
use crate::model::{Item, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Maximum number of items of a claim.
pub(crate) const MAX_CLAIM: u32 = 50;

/// Maximum number of items that one reviewer holds at a time.
pub const MAX_HELD: u32 = 100;

/// What nobody has claimed, in the order it is handed out.
const OPEN: &str = "SELECT i.id FROM items i WHERE i.status = 'open' AND i.claimed_until < $1 \
                    ORDER BY i.skips, i.priority DESC, i.id";

/// What a reviewer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Name of the reviewer.
    pub reviewer: String,
    /// How many, 1 to 50.
    pub count: u32,
    /// How long nobody else gets them.
    pub lease: Duration,
    /// Names the request.
    pub key: Option<Key>,
}

impl Store {
    /// The most urgent items, for this reviewer alone until the lease ends or the power goes. Second looks come first; what
    /// was put off comes last. Nobody holds more than [`MAX_HELD`] at a time: who has as many gets no more.
    ///
    /// # Errors
    /// When the reviewer's name cannot be used, or the database is not there.
    pub async fn claim(&self, request: ClaimRequest) -> Result<Vec<Item>, StoreError> {
        let request = ClaimRequest { reviewer: self.reviewer(&request.reviewer).await?, ..request };
        let ids = self.database.write_lease(move |tx| Box::pin(async move { claim(tx, &request).await })).await?;
        self.items(&ids).await
    }

    /// How the database goes about a claim.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn explain_claim(&self) -> Result<Vec<String>, StoreError> {
        self.database.explain(&format!("{OPEN} LIMIT 5"), values![now()]).await
    }

    /// Gives items back that will not be looked at; those of other reviewers are left alone.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn release(&self, reviewer: String, items: Vec<String>) -> Result<u64, StoreError> {
        let reviewer = self.reviewer(&reviewer).await?;
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    let mut given_back = 0;
                    for item in &items {
                        let sql =
                            "UPDATE items SET claimed_by = NULL, claimed_until = 0 WHERE id = $1 AND claimed_by = $2";
                        given_back += tx.execute(sql, values![item, &reviewer]).await?;
                    }
                    Ok(given_back)
                })
            })
            .await
    }
}

async fn claim(tx: &mut Tx, request: &ClaimRequest) -> Result<Vec<String>, StoreError> {
    if let Some(key) = &request.key
        && let Some(before) = key.take(tx).await?
    {
        return Ok(before.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect());
    }
    let now = now();
    let sql = "SELECT COUNT(*) AS held FROM items WHERE claimed_by = $1 AND claimed_until > $2";
    let held = tx.one(sql, values![&request.reviewer, now]).await?.number("held")?;
    let count = request.count.clamp(1, MAX_CLAIM).min(MAX_HELD.saturating_sub(held));
    let skip = tx.skip_locked();
    // Whoever labelled it before does not decide it.
    let second_looks = format!(
        "SELECT i.id FROM items i WHERE i.status = 'conflict' AND i.claimed_until < $1 AND NOT EXISTS \
         (SELECT 1 FROM labels l WHERE l.item = i.id AND l.reviewer = $2 AND l.kind NOT IN ('skip', 'undo')) \
         ORDER BY i.priority DESC, i.id LIMIT {count}{skip}"
    );
    let mut ids = Vec::new();
    for row in tx.all(&second_looks, values![now, &request.reviewer]).await? {
        ids.push(row.text("id")?);
    }
    let left = count as usize - ids.len();
    if left > 0 {
        for row in tx.all(&format!("{OPEN} LIMIT {left}{skip}"), values![now]).await? {
            ids.push(row.text("id")?);
        }
    }
    let until = now.saturating_add(i64::try_from(request.lease.as_millis()).unwrap_or(i64::MAX));
    for id in &ids {
        let sql = "UPDATE items SET claimed_by = $1, claimed_until = $2 WHERE id = $3";
        tx.later(sql, values![&request.reviewer, until, id]).await?;
    }
    if let Some(key) = &request.key {
        key.keep(tx, &ids.join(",")).await?;
    }
    Ok(ids)
}
