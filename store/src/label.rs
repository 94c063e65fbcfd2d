//! What a person says of an item, and what follows from it.
//!
//! | the item is | who answers | what | then it is |
//! |---|---|---|---|
//! | open | anyone | an answer | labelled; its exemplar joins the gallery |
//! | labelled | the same person | another answer | labelled anew; the old exemplar leaves |
//! | labelled | someone else | the same answer | labelled, with one agreement more |
//! | labelled | someone else | another answer | in conflict; its exemplar leaves until a third person decides |
//! | in conflict | a third person | an answer | labelled |
//! | any of these | anyone | skip | as before, further back in the queue |

use vision::{BBox, Sha256, SkuId};

use crate::comment::check_comment;
use crate::error::StoreError;
use crate::idempotency::Key;
use crate::item::{SELECT_LABEL, label};
use crate::model::{ItemStatus, Label, LabelKind, NewSku, now, to_bytes};
use crate::sku_ref::SkuRef;
use crate::sql::{Row, Tx, values};
use crate::store::Store;

/// How often one person may label one item: whoever changes their mind more often has none.
pub(crate) const MAX_SAID: i64 = 20;

/// What a person says.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is this SKU.
    Sku(SkuRef),
    /// It is a SKU that is not in the catalogue yet.
    NewSku(NewSku),
    /// There is no bottle, can or glass in the box.
    NotAContainer,
    /// The box is wrong; perhaps it shows this SKU. The exemplar, if any, is that of the corrected crop.
    WrongBox {
        /// Pixels of the upright photo.
        bbox: BBox,
        /// What it shows.
        sku: Option<SkuRef>,
        /// The right crop, its digest and its embedding, once the caller has cut it out.
        crop: Option<CorrectedCrop>,
    },
    /// The image does not show enough.
    CannotTell,
    /// Not now.
    Skip,
}

/// The crop of a corrected box.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectedCrop {
    /// Digest of its JPEG, which is among the objects already.
    pub image: Sha256,
    /// Size of the JPEG.
    pub bytes: usize,
    /// What made the embedding.
    pub embedder: Sha256,
    /// L2-normalised.
    pub embedding: Vec<f32>,
}

/// One label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRequest {
    /// Of which item.
    pub item: String,
    /// By whom.
    pub reviewer: String,
    /// What.
    pub answer: Answer,
    /// Words to go with it.
    pub comment: Option<String>,
}

impl Answer {
    /// Which kind.
    #[must_use]
    pub const fn kind(&self) -> LabelKind {
        match self {
            Self::Sku(_) => LabelKind::Sku,
            Self::NewSku(_) => LabelKind::NewSku,
            Self::NotAContainer => LabelKind::NotAContainer,
            Self::WrongBox { .. } => LabelKind::WrongBox,
            Self::CannotTell => LabelKind::CannotTell,
            Self::Skip => LabelKind::Skip,
        }
    }
}

/// The part of an item that a label changes, and what else it takes to change it.
pub(crate) struct Standing {
    /// The number of this change.
    pub(crate) change: i64,
    /// The SKU that was asked for, if it is there.
    pub(crate) named: Option<SkuId>,
    pub(crate) status: ItemStatus,
    pub(crate) claimed_by: Option<String>,
    pub(crate) claimed_until: i64,
    pub(crate) label: Option<i64>,
    pub(crate) kind: Option<String>,
    pub(crate) sku: Option<u32>,
    pub(crate) by: Option<String>,
    pub(crate) at: Option<i64>,
    pub(crate) agreements: i64,
    /// Labels that this reviewer has given it, undone ones among them.
    pub(crate) said: i64,
}

impl Store {
    /// Labels one item or several (a cluster), all or none. On disk when this returns; sent again under the same key, it
    /// changes nothing and gives the same labels.
    ///
    /// # Errors
    /// When an item or SKU is not there, somebody else has claimed it, the answer cannot be, or the database is not there.
    pub async fn label(&self, requests: Vec<LabelRequest>, key: Option<Key>) -> Result<Vec<Label>, StoreError> {
        let mut requests = requests;
        for request in &mut requests {
            request.reviewer = self.reviewer(&request.reviewer).await?;
            request.comment.as_deref().map_or(Ok(()), check_comment)?;
        }
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(key) = &key
                        && let Some(before) = key.take(tx).await?
                    {
                        return read_labels(tx, &before).await;
                    }
                    let mut labels = Vec::with_capacity(requests.len());
                    for request in requests {
                        labels.push(apply(tx, request).await?);
                    }
                    if let Some(key) = &key {
                        let seqs: Vec<String> = labels.iter().map(|label| label.seq.to_string()).collect();
                        key.keep(tx, &seqs.join(",")).await?;
                    }
                    Ok(labels)
                })
            })
            .await
    }
}

pub(crate) async fn read_labels(tx: &mut Tx, seqs: &str) -> Result<Vec<Label>, StoreError> {
    let mut labels = Vec::new();
    for seq in seqs.split(',').filter_map(|seq| seq.parse::<i64>().ok()) {
        labels.push(label(&tx.one(&format!("{SELECT_LABEL} WHERE seq = $1"), values![seq]).await?)?);
    }
    Ok(labels)
}

/// Begins a change of an item: all that it asks the database for, at once.
pub(crate) async fn standing(
    tx: &mut Tx,
    item: &str,
    named: Option<&SkuRef>,
    reviewer: &str,
) -> Result<Standing, StoreError> {
    // Before the item: whoever waits for the counter holds no item that others wait for.
    tx.advance("change").await?;
    let mut row = values![item];
    let named = match named {
        Some(sku) => {
            let (sql, value) = crate::catalogue::lookup(sku);
            row.push(value);
            sql
        }
        None => "SELECT CAST(NULL AS BIGINT)",
    };
    row.extend(values![reviewer]);
    let who = row.len();
    let sql = format!(
        "SELECT status, claimed_by, claimed_until, label, label_kind, label_sku, label_by, label_at, agreements, \
         ({named}) AS named, \
         (SELECT COUNT(*) FROM labels l WHERE l.item = $1 AND l.reviewer = ${who} AND l.kind <> 'undo') AS said, (SELECT value FROM counters WHERE name = 'change') AS change \
         FROM items WHERE id = $1{}",
        tx.locked()
    );
    let row: Row = tx.optional(&sql, row).await?.ok_or_else(|| StoreError::not_found("item", item))?;
    Ok(Standing {
        change: row.int("change")?,
        named: row.maybe_number("named")?.map(SkuId),
        status: row.text("status")?.parse()?,
        claimed_by: row.get("claimed_by")?,
        claimed_until: row.int("claimed_until")?,
        label: row.get("label")?,
        kind: row.get("label_kind")?,
        sku: row.maybe_number("label_sku")?,
        by: row.get("label_by")?,
        at: row.get("label_at")?,
        agreements: row.int("agreements")?,
        said: row.int("said")?,
    })
}

async fn apply(tx: &mut Tx, request: LabelRequest) -> Result<Label, StoreError> {
    let LabelRequest { item, reviewer, answer, comment } = request;
    let named = match &answer {
        Answer::Sku(sku) => Some(sku),
        Answer::WrongBox { sku, .. } => sku.as_ref(),
        _ => None,
    };
    let before = standing(tx, &item, named, &reviewer).await?;
    if before.said >= MAX_SAID {
        return Err(StoreError::TooOften { item, times: MAX_SAID });
    }
    let held_by_other = before.claimed_by.as_ref().is_some_and(|by| *by != reviewer) && before.claimed_until > now();
    if held_by_other {
        return Err(StoreError::Claimed { item, until_ms: before.claimed_until });
    }
    if let Answer::WrongBox { bbox, .. } = &answer {
        check_box(tx, &item, *bbox).await?;
    }
    if before.status == ItemStatus::Conflict && answer != Answer::Skip && has_answered(tx, &item, &reviewer).await? {
        return Err(StoreError::SecondLook { item });
    }
    let kind = answer.kind();
    let seq = before.change;
    let sku = match (&answer, named) {
        (Answer::NewSku(new), _) => Some(crate::catalogue::make(tx, new, &reviewer, seq).await?),
        (_, Some(sku)) => Some(before.named.ok_or_else(|| StoreError::not_found("SKU", sku.to_string()))?),
        (_, None) => None,
    };
    // A new SKU and the same SKU named by somebody else are one answer.
    let same = before.sku == sku.map(|sku| sku.0)
        && before.kind.as_deref().map(family) == Some(family(kind.as_str()))
        && kind != LabelKind::WrongBox;
    let mine = before.by.as_deref() == Some(reviewer.as_str());
    let after = match (before.status, kind) {
        (status, LabelKind::Skip) => status,
        (ItemStatus::Labelled, _) if mine && same => return Err(StoreError::AlreadyLabelled { item }),
        (ItemStatus::Labelled, _) if !mine && !same => ItemStatus::Conflict,
        _ => ItemStatus::Labelled,
    };
    let sql = "INSERT INTO labels (seq, item, at, reviewer, kind, sku, x1, y1, x2, y2, comment, undoes, before_status, \
               before_label, before_kind, before_sku, before_by, before_at, before_agreements, after_status) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, $12, $13, $14, $15, $16, $17, $18, $19)";
    let bbox = if let Answer::WrongBox { bbox, .. } = &answer { Some(*bbox) } else { None };
    let at = now();
    let row = values![
        seq,
        &item,
        at,
        &reviewer,
        kind.as_str(),
        sku.map(|sku| sku.0),
        bbox.map(|b| b.x1),
        bbox.map(|b| b.y1),
        bbox.map(|b| b.x2),
        bbox.map(|b| b.y2),
        comment.clone(),
        before.status.as_str(),
        before.label,
        before.kind,
        before.sku,
        before.by,
        before.at,
        before.agreements,
        after.as_str(),
    ];
    tx.later(sql, row).await?;

    let freed = "claimed_by = NULL, claimed_until = 0";
    if kind == LabelKind::Skip {
        let sql = format!("UPDATE items SET {freed}, skips = skips + 1 WHERE id = $1");
        tx.later(&sql, values![&item]).await?;
    } else if before.status == ItemStatus::Labelled && !mine && same {
        tx.later("UPDATE items SET agreements = agreements + 1 WHERE id = $1", values![&item]).await?;
    } else {
        withdraw(tx, &item, seq).await?;
        if after == ItemStatus::Conflict {
            let sql = format!(
                "UPDATE items SET {freed}, status = 'conflict', label = NULL, label_kind = NULL, label_sku = NULL, \
                 label_at = NULL, label_by = NULL, agreements = 0 WHERE id = $1"
            );
            tx.later(&sql, values![&item]).await?;
        } else {
            let sql = format!(
                "UPDATE items SET {freed}, status = 'labelled', label = $1, label_kind = $2, label_sku = $3, \
                 label_at = $4, label_by = $5, agreements = 0 WHERE id = $6"
            );
            tx.later(&sql, values![seq, kind.as_str(), sku.map(|sku| sku.0), at, &reviewer, &item]).await?;
            add_exemplar(tx, &item, seq, &answer, sku).await?;
        }
    }
    let status = (before.status, after);
    Ok(Label { seq, item, at, reviewer, kind, sku, bbox, comment, undoes: None, status })
}

fn family(kind: &str) -> &str {
    if kind == LabelKind::NewSku.as_str() { LabelKind::Sku.as_str() } else { kind }
}

/// Whether a label of this reviewer's that was not taken back stands in the item's history.
async fn has_answered(tx: &mut Tx, item: &str, reviewer: &str) -> Result<bool, StoreError> {
    Ok(tx.optional(HAS_ANSWERED, values![item, reviewer]).await?.is_some())
}

/// Of an item and a reviewer.
pub(crate) const HAS_ANSWERED: &str = "SELECT 1 AS one FROM labels l WHERE l.item = $1 AND l.reviewer = $2 AND l.kind NOT IN ('skip', 'undo') \
     AND NOT EXISTS (SELECT 1 FROM labels u WHERE u.undoes = l.seq)";

async fn check_box(tx: &mut Tx, item: &str, bbox: BBox) -> Result<(), StoreError> {
    let sql = "SELECT r.width, r.height FROM items i JOIN recognitions r ON r.id = i.recognition WHERE i.id = $1";
    let row = tx.one(sql, values![item]).await?;
    check_inside(bbox, (row.number("width")?, row.number("height")?))
}

/// Whether a box lies in a photo of this width and height.
pub(crate) fn check_inside(bbox: BBox, (width, height): (u32, u32)) -> Result<(), StoreError> {
    // Written so that NaN fails.
    let inside = bbox.x1 >= 0.0 && bbox.y1 >= 0.0 && bbox.x2 <= width as f32 && bbox.y2 <= height as f32;
    if inside && bbox.x2 - bbox.x1 >= 1.0 && bbox.y2 - bbox.y1 >= 1.0 {
        return Ok(());
    }
    let value = format!("{}, {}, {}, {}", bbox.x1, bbox.y1, bbox.x2, bbox.y2);
    let allowed = format!("x1, y1, x2, y2 of at least a pixel, within the photo of {width} x {height} pixels");
    Err(StoreError::invalid("box", value, allowed))
}

/// Takes the exemplars that stand for an item out of the gallery.
async fn withdraw(tx: &mut Tx, item: &str, seq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE exemplars SET active = 0, removed_by = $1, changed = $1 WHERE item = $2 AND active = 1";
    tx.later(sql, values![seq, item]).await
}

/// Puts what the answer teaches into the gallery.
async fn add_exemplar(
    tx: &mut Tx,
    item: &str,
    seq: i64,
    answer: &Answer,
    sku: Option<SkuId>,
) -> Result<(), StoreError> {
    let (sku, corrected) = match (answer, sku) {
        (Answer::NotAContainer, _) => (SkuId::NOT_A_CONTAINER, None),
        (Answer::Sku(_) | Answer::NewSku(_), Some(sku)) => (sku, None),
        (Answer::WrongBox { crop: Some(crop), .. }, Some(sku)) => (sku, Some(crop)),
        _ => return Ok(()),
    };
    tx.advance("exemplar").await?;
    let mut row = values![sku.0, item, seq, format!("review/{item}"), now()];
    let (crop, from) = match corrected {
        Some(crop) => {
            crate::enqueue::insert_object(tx, crop.image, crop.bytes, "image/jpeg").await?;
            row.extend(values![crop.image.to_string(), crop.embedder.to_string(), to_bytes(&crop.embedding)]);
            ("$6, $7, $8", "")
        }
        None => {
            ("i.crop, e.embedder, e.embedding", "JOIN items i ON i.id = $2 JOIN item_embeddings e ON e.item = i.id ")
        }
    };
    let sql = format!(
        "INSERT INTO exemplars (id, sku, source, enrolled_id, item, label, origin, picture, embedder, embedding, active, \
         removed_by, created_at, changed) \
         SELECT c.value, $1, 'label', NULL, $2, $3, $4, {crop}, 1, NULL, $5, $3 \
         FROM counters c {from}WHERE c.name = 'exemplar'"
    );
    tx.later(&sql, row).await
}
