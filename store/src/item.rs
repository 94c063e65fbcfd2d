//! From rows to items and their history.

use vision::{BBox, SkuId};

use crate::error::StoreError;
use crate::model::{Item, Label, Verdict};
use crate::sql::{Row, values};
use crate::store::Store;

/// Everything [`item`] reads.
pub(crate) const SELECT: &str = "SELECT i.id, i.created_at, i.recognition, r.photo, r.width, r.height, i.facing, \
    i.class, i.confidence, i.x1, i.y1, i.x2, i.y2, i.decision, i.sku, i.similarity, i.margin, i.candidates, i.crop, \
    i.reasons, i.priority, i.facings, i.skips, i.status, i.claimed_by, i.claimed_until, i.label, i.label_kind, \
    i.label_sku, i.label_at, i.label_by, i.agreements \
    FROM items i JOIN recognitions r ON r.id = i.recognition";

pub(crate) fn item(row: &Row) -> Result<Item, StoreError> {
    let claimed_by: Option<String> = row.get("claimed_by")?;
    let claimed_until = row.int("claimed_until")?;
    let verdict = match (row.get::<Option<i64>>("label")?, row.get::<Option<String>>("label_kind")?) {
        (Some(label), Some(kind)) => Some(Verdict {
            label,
            kind: kind.parse()?,
            sku: row.maybe_number("label_sku")?.map(SkuId),
            at: row.get::<Option<i64>>("label_at")?.unwrap_or_default(),
            by: row.get::<Option<String>>("label_by")?.unwrap_or_default(),
        }),
        _ => None,
    };
    let reasons = row.text("reasons")?;
    Ok(Item {
        id: row.text("id")?,
        created_at: row.int("created_at")?,
        recognition: row.text("recognition")?,
        photo: row.text("photo")?,
        photo_size: (row.number("width")?, row.number("height")?),
        facing: row.number("facing")?,
        class: row.text("class")?,
        confidence: row.real("confidence")?,
        bbox: bbox(row)?,
        decision: row.text("decision")?,
        sku: row.maybe_number("sku")?.map(SkuId),
        similarity: row.real("similarity")?,
        margin: row.real("margin")?,
        candidates: candidates(&row.text("candidates")?)?,
        crop: row.text("crop")?,
        reasons: reasons.split(',').map(str::parse).collect::<Result<_, _>>()?,
        priority: row.real("priority")?,
        facings: row.number("facings")?,
        skips: row.number("skips")?,
        status: row.text("status")?.parse()?,
        claim: claimed_by.map(|by| (by, claimed_until)),
        verdict,
        agreements: row.number("agreements")?,
    })
}

fn bbox(row: &Row) -> Result<BBox, StoreError> {
    Ok(BBox::new(row.real("x1")? as f32, row.real("y1")? as f32, row.real("x2")? as f32, row.real("y2")? as f32))
}

/// `7:0.81,3:0.62`
pub(crate) fn spell_candidates(candidates: &[(SkuId, f32)]) -> String {
    let spelled: Vec<String> = candidates.iter().map(|(sku, similarity)| format!("{sku}:{similarity}")).collect();
    spelled.join(",")
}

fn candidates(text: &str) -> Result<Vec<(SkuId, f64)>, StoreError> {
    let damaged = || StoreError::Damaged { what: "list of candidates", value: crate::error::shorten(text) };
    let one = |part: &str| {
        let (sku, similarity) = part.split_once(':')?;
        Some((SkuId(sku.parse().ok()?), similarity.parse().ok()?))
    };
    text.split(',').filter(|part| !part.is_empty()).map(|part| one(part).ok_or_else(damaged)).collect()
}

/// Everything [`label`] reads.
pub(crate) const SELECT_LABEL: &str = "SELECT seq, item, at, reviewer, kind, sku, x1, y1, x2, y2, comment, undoes, \
    before_status, after_status FROM labels";

pub(crate) fn label(row: &Row) -> Result<Label, StoreError> {
    let corrected = row.get::<Option<f64>>("x1")?.is_some();
    Ok(Label {
        seq: row.int("seq")?,
        item: row.text("item")?,
        at: row.int("at")?,
        reviewer: row.text("reviewer")?,
        kind: row.text("kind")?.parse()?,
        sku: row.maybe_number("sku")?.map(SkuId),
        bbox: corrected.then(|| bbox(row)).transpose()?,
        comment: row.get("comment")?,
        undoes: row.get("undoes")?,
        status: (row.text("before_status")?.parse()?, row.text("after_status")?.parse()?),
    })
}

impl Store {
    /// One item.
    ///
    /// # Errors
    /// When there is none of that id, or the database is not there.
    pub async fn item(&self, id: &str) -> Result<Item, StoreError> {
        let row = self.database.optional(&format!("{SELECT} WHERE i.id = $1"), values![id]).await?;
        item(&row.ok_or_else(|| StoreError::not_found("item", id))?)
    }

    /// Several items, in the order of their ids; those that are not there are left out.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn items(&self, ids: &[String]) -> Result<Vec<Item>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let marks: Vec<String> = (1..=ids.len()).map(|n| format!("${n}")).collect();
        let sql = format!("{SELECT} WHERE i.id IN ({})", marks.join(", "));
        let rows = self.database.all(&sql, ids.iter().map(crate::sql::Value::from).collect()).await?;
        let mut found = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        let place = |item: &Item| ids.iter().position(|id| *id == item.id);
        found.sort_by_key(place);
        Ok(found)
    }

    /// The labels of an item, oldest first. [`Store::comments`] has what else was said.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn history(&self, item: &str) -> Result<Vec<Label>, StoreError> {
        let labels = self.database.all(&format!("{SELECT_LABEL} WHERE item = $1 ORDER BY seq"), values![item]).await?;
        labels.iter().map(label).collect()
    }
}
