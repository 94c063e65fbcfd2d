//! Tables are written down: all that belong together, or none.

use serde_json::json;

use super::model::{COLUMNS, data_set};
use super::{DataSet, NewDataSet};
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::idempotency::Key;
use crate::model::{new_id, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Longest name, in characters.
const MAX_NAME: usize = 200;
/// Longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 << 20;

/// What an organisation may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSetLimits {
    /// Tables.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Store {
    /// Keeps tables of the actor's organisation whose content was written before: all or none. The same request by its key gives
    /// what was kept then.
    ///
    /// # Errors
    /// When a name is none, the content or the parent is not there, the organisation has as much as it may, or database or objects
    /// are not there.
    pub async fn keep_data_sets(
        &self,
        new: Vec<NewDataSet>,
        limits: DataSetLimits,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Vec<DataSet>, StoreError> {
        let objects = self.data_objects(&actor.organisation);
        for set in &new {
            check(set)?;
            if objects.size(set.sha256).await? != Some(set.bytes) {
                return Err(StoreError::not_found("content", set.sha256.to_string()));
            }
        }
        let actor = actor.clone();
        self.database
            .write(move |tx| Box::pin(async move { keep_all(tx, new, limits, key.as_ref(), &actor).await }))
            .await
    }
}

async fn keep_all(
    tx: &mut Tx,
    new: Vec<NewDataSet>,
    limits: DataSetLimits,
    key: Option<&Key>,
    actor: &Actor,
) -> Result<Vec<DataSet>, StoreError> {
    // First of all that is held, as in every change that is audited: limits are counted by one at a time, too.
    let mut ledger = Ledger::open(tx).await?;
    if let Some(key) = key
        && let Some(done) = key.take(tx).await?
    {
        let mut kept = Vec::new();
        for id in done.split(',').filter(|id| !id.is_empty()) {
            kept.push(find(tx, &actor.organisation, id).await?);
        }
        return Ok(kept);
    }
    room(tx, &new, limits, &actor.organisation).await?;
    let mut kept = Vec::new();
    for set in new {
        let set = keep(tx, set, actor).await?;
        let details = json!({"id": set.id, "rows": set.rows, "columns": set.columns, "parent": set.parent, "lineage": set.lineage});
        let record = Record { after: set.version.to_string(), details, ..Record::of("data_set.create", &set.name) };
        ledger.write(tx, actor, record).await?;
        ledger = Ledger::open(tx).await?;
        kept.push(set);
    }
    if let Some(key) = key {
        let ids: Vec<&str> = kept.iter().map(|set| set.id.as_str()).collect();
        key.keep(tx, &ids.join(",")).await?;
    }
    Ok(kept)
}

/// Refuses what would be more than the organisation may have.
async fn room(tx: &mut Tx, new: &[NewDataSet], limits: DataSetLimits, organisation: &str) -> Result<(), StoreError> {
    // PostgreSQL's sum of whole numbers is a decimal.
    let sql = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM data_sets \
               WHERE organisation = $1";
    let row = tx.one(sql, values![organisation]).await?;
    let (count, bytes) = (row.int("count")?.unsigned_abs(), row.int("bytes")?.unsigned_abs());
    if count + new.len() as u64 > limits.count {
        return Err(StoreError::Quota { what: "data sets", limit: limits.count });
    }
    if new.iter().fold(bytes, |sum, set| sum.saturating_add(set.bytes)) > limits.bytes {
        return Err(StoreError::Quota { what: "bytes of data sets", limit: limits.bytes });
    }
    Ok(())
}

async fn keep(tx: &mut Tx, new: NewDataSet, actor: &Actor) -> Result<DataSet, StoreError> {
    if let Some(parent) = &new.parent {
        find(tx, &actor.organisation, parent).await?;
    }
    let set = DataSet {
        id: new_id(),
        organisation: actor.organisation.clone(),
        name: new.name,
        version: new.version,
        sha256: new.sha256,
        bytes: new.bytes,
        parent: new.parent,
        lineage: new.lineage,
        rows: new.rows,
        columns: new.columns,
        target: new.target,
        classes: new.classes,
        created_at: now(),
        created_by: actor.name.clone(),
    };
    let sql = format!(
        "INSERT INTO data_sets ({COLUMNS}, description) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
    );
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let classes = set.classes.as_ref().map(|classes| json!(classes).to_string());
    let row = values![
        &set.id,
        &set.organisation,
        &set.name,
        set.version.to_string(),
        set.sha256.to_string(),
        number(set.bytes),
        set.parent.clone(),
        set.lineage.to_string(),
        number(set.rows),
        number(set.columns),
        set.target.clone(),
        classes,
        set.created_at,
        &set.created_by,
        new.description,
    ];
    tx.execute(&sql, row).await?;
    Ok(set)
}

async fn find(tx: &mut Tx, organisation: &str, id: &str) -> Result<DataSet, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM data_sets WHERE organisation = $1 AND id = $2");
    let row = tx.optional(&sql, values![organisation, id]).await?;
    row.as_ref().map(data_set).transpose()?.ok_or_else(|| StoreError::not_found("data set", id))
}

fn check(new: &NewDataSet) -> Result<(), StoreError> {
    let length = new.name.chars().take(MAX_NAME + 1).count();
    if !(1..=MAX_NAME).contains(&length) || new.name.chars().any(char::is_control) {
        let allowed = format!("1 to {MAX_NAME} characters, none of them a control character");
        return Err(StoreError::invalid("name", &new.name, allowed));
    }
    if new.description.len() > MAX_DESCRIPTION {
        let allowed = format!("at most {MAX_DESCRIPTION} bytes");
        return Err(StoreError::invalid("description", format!("{} bytes", new.description.len()), allowed));
    }
    Ok(())
}
