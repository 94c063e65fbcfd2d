//! Whether a corrected box would be taken, asked before its crop is made: cutting one out of a photo and embedding it is work
//! that nobody should be able to ask for in vain.

use crate::error::StoreError;
use crate::idempotency::Key;
use crate::label::{Answer, HAS_ANSWERED, LabelRequest, MAX_SAID, check_inside};
use crate::model::{Item, ItemStatus, now};
use crate::sql::values;
use crate::store::Store;

impl Store {
    /// The item whose box `request` corrects, when nothing speaks against it; `None` when the key was used before for the same
    /// request, which then gives what it gave.
    ///
    /// # Errors
    /// As [`Store::label`]. What changes in between, that will say.
    pub async fn correctable(&self, request: &LabelRequest, key: Option<&Key>) -> Result<Option<Item>, StoreError> {
        let LabelRequest { item, reviewer, answer, comment } = request;
        let reviewer = self.reviewer(reviewer).await?;
        comment.as_deref().map_or(Ok(()), crate::comment::check_comment)?;
        if let Some(key) = key
            && key.was_used(&self.database).await?
        {
            return Ok(None);
        }
        let found = self.item(item).await?;
        if let Some((by, until_ms)) = &found.claim
            && *by != reviewer
            && *until_ms > now()
        {
            return Err(StoreError::Claimed { item: item.clone(), until_ms: *until_ms });
        }
        let sql = "SELECT COUNT(*) AS said FROM labels l WHERE l.item = $1 AND l.reviewer = $2 AND l.kind <> 'undo'";
        if self.database.one(sql, values![item, &reviewer]).await?.int("said")? >= MAX_SAID {
            return Err(StoreError::TooOften { item: item.clone(), times: MAX_SAID });
        }
        if let Answer::WrongBox { bbox, sku, .. } = answer {
            check_inside(*bbox, found.photo_size)?;
            if let Some(sku) = sku {
                let (named, value) = crate::catalogue::lookup(sku);
                let sql = format!("SELECT ({named}) AS named FROM items i WHERE i.id = $1");
                let row = self.database.one(&sql, vec![item.into(), value]).await?;
                if row.get::<Option<i64>>("named")?.is_none() {
                    return Err(StoreError::not_found("SKU", sku.to_string()));
                }
            }
        }
        let undecided = found.status == ItemStatus::Conflict;
        if undecided && self.database.optional(HAS_ANSWERED, values![item, &reviewer]).await?.is_some() {
            return Err(StoreError::SecondLook { item: item.clone() });
        }
        Ok(Some(found))
    }
}
