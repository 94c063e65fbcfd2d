//! Taking the last answer back: everything is as it was before, exemplar numbers included.

use crate::error::StoreError;
use crate::idempotency::Key;
use crate::label::{read_labels, standing};
use crate::model::{ItemStatus, Label, now};
use crate::sql::{Tx, values};
use crate::store::Store;

impl Store {
    /// Takes back this reviewer's last label: of `item`, or of any item when that is absent.
    ///
    /// # Errors
    /// When there is none, somebody has answered since, or the database is not there.
    pub async fn undo(&self, reviewer: &str, item: Option<&str>, key: Option<Key>) -> Result<Label, StoreError> {
        let (reviewer, item) = (self.reviewer(reviewer).await?, item.map(str::to_owned));
        let labels = self
            .database
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(key) = &key
                        && let Some(before) = key.take(tx).await?
                    {
                        return read_labels(tx, &before).await;
                    }
                    let seq = undo(tx, &reviewer, item.as_deref()).await?.to_string();
                    if let Some(key) = &key {
                        key.keep(tx, &seq).await?;
                    }
                    read_labels(tx, &seq).await
                })
            })
            .await?;
        labels.into_iter().next().ok_or_else(|| StoreError::database("the label is gone"))
    }
}

/// A label that was not taken back.
const STANDING: &str = "l.kind <> 'undo' AND NOT EXISTS (SELECT 1 FROM labels u WHERE u.undoes = l.seq)";

async fn undo(tx: &mut Tx, reviewer: &str, item: Option<&str>) -> Result<i64, StoreError> {
    let nothing = |reason: &str| StoreError::NothingToUndo { reason: reason.to_owned() };
    let last_of = |condition: &str| {
        format!(
            "SELECT l.seq, l.item, l.reviewer FROM labels l WHERE {condition} AND {STANDING} ORDER BY l.seq DESC LIMIT 1"
        )
    };
    let last = match item {
        Some(item) => tx.optional(&last_of("l.item = $1"), values![item]).await?,
        None => tx.optional(&last_of("l.reviewer = $1"), values![reviewer]).await?,
    };
    let last = last.ok_or_else(|| nothing("there is no label of yours to take back"))?;
    let (target, item) = (last.int("seq")?, last.text("item")?);
    let now_standing = standing(tx, &item, None, reviewer).await?;
    let newest = tx.one(&last_of("l.item = $1"), values![&item]).await?;
    if newest.int("seq")? != target || last.text("reviewer")? != reviewer {
        return Err(nothing(match now_standing.status {
            ItemStatus::Conflict => {
                "someone else has answered otherwise since; a third person decides between the two answers"
            }
            _ => "someone else has answered since; label the item again to say something else",
        }));
    }
    let sql = "SELECT kind, before_status, before_label, before_kind, before_sku, before_by, before_at, \
               before_agreements FROM labels WHERE seq = $1";
    let before = tx.one(sql, values![target]).await?;
    let status: ItemStatus = before.text("before_status")?.parse()?;

    let seq = now_standing.change;
    let sql = "INSERT INTO labels (seq, item, at, reviewer, kind, sku, x1, y1, x2, y2, comment, undoes, before_status, \
               before_label, before_kind, before_sku, before_by, before_at, before_agreements, after_status) \
               VALUES ($1, $2, $3, $4, 'undo', NULL, NULL, NULL, NULL, NULL, NULL, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let row = values![
        seq,
        &item,
        now(),
        reviewer,
        target,
        now_standing.status.as_str(),
        now_standing.label,
        now_standing.kind,
        now_standing.sku,
        now_standing.by,
        now_standing.at,
        now_standing.agreements,
        status.as_str(),
    ];
    tx.later(sql, row).await?;
    let skipped = i64::from(before.text("kind")? == "skip");
    let sql = "UPDATE items SET status = $1, label = $2, label_kind = $3, label_sku = $4, label_by = $5, label_at = $6, \
               agreements = $7, skips = skips - $8, claimed_by = NULL, claimed_until = 0 WHERE id = $9";
    let row = values![
        status.as_str(),
        before.get::<Option<i64>>("before_label")?,
        before.get::<Option<String>>("before_kind")?,
        before.get::<Option<i64>>("before_sku")?,
        before.get::<Option<String>>("before_by")?,
        before.get::<Option<i64>>("before_at")?,
        before.int("before_agreements")?,
        skipped,
        &item,
    ];
    tx.later(sql, row).await?;

    // What it taught leaves the gallery, what it drove out comes back.
    let sql = "UPDATE exemplars SET active = 0, removed_by = $1, changed = $1 WHERE label = $2 AND active = 1";
    tx.later(sql, values![seq, target]).await?;
    let sql = "UPDATE exemplars SET active = 1, removed_by = NULL, changed = $1 WHERE removed_by = $2";
    tx.later(sql, values![seq, target]).await?;
    // A SKU that exists through this label alone goes with it.
    let sql = "UPDATE skus SET status = 'retired', changed = $1 WHERE created_label = $2 AND status = 'active' \
               AND NOT EXISTS (SELECT 1 FROM exemplars e WHERE e.sku = skus.id AND e.active = 1) \
               AND NOT EXISTS (SELECT 1 FROM items i WHERE i.label_sku = skus.id)";
    tx.later(sql, values![seq, target]).await?;
    Ok(seq)
}
