//! Pages of the queue.

use std::fmt;
use std::str::FromStr;

use vision::SkuId;

use crate::cursor::{Cursor, Place};
use crate::error::StoreError;
use crate::item::{SELECT, item};
use crate::model::{Item, ItemStatus, Reason, Timestamp};
use crate::sql::{Value, values};
use crate::store::Store;

/// Most items of a page.
pub const MAX_PAGE: u32 = 200;

/// Order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ItemSort {
    /// Most urgent first.
    #[default]
    Priority,
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
    /// Least similar first.
    Similarity,
}

impl ItemSort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Priority, Self::Newest, Self::Oldest, Self::Similarity];

    /// Stable spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Similarity => "similarity",
        }
    }

    /// Column, and whether it descends.
    const fn column(self) -> (&'static str, bool) {
        match self {
            Self::Priority => ("priority", true),
            Self::Newest => ("created_at", true),
            Self::Oldest => ("created_at", false),
            Self::Similarity => ("similarity", false),
        }
    }

    fn place(self, item: &Item) -> Place {
        match self {
            Self::Priority => Place::Score(item.priority),
            Self::Similarity => Place::Score(item.similarity),
            Self::Newest | Self::Oldest => Place::Time(item.created_at),
        }
    }
}

impl fmt::Display for ItemSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ItemSort {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|sort| sort.as_str() == text);
        known.ok_or_else(|| StoreError::invalid("sort", text, "one of priority, newest, oldest, similarity"))
    }
}

/// Which items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemFilter {
    /// Where they stand; open when absent.
    pub status: Option<ItemStatus>,
    /// What the machine took them for.
    pub sku: Option<SkuId>,
    /// Kind of container.
    pub class: Option<String>,
    /// Foremost reason.
    pub reason: Option<Reason>,
    /// Least similarity.
    pub min_similarity: Option<f64>,
    /// Largest similarity.
    pub max_similarity: Option<f64>,
    /// Queued at or after.
    pub since: Option<Timestamp>,
    /// Queued before.
    pub until: Option<Timestamp>,
}

/// A page of the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemPage {
    /// In the order asked for.
    pub items: Vec<Item>,
    /// Asks for what follows; absent at the end.
    pub next: Option<String>,
}

/// How an open item looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its id.
    pub item: String,
    /// L2-normalised.
    pub embedding: Vec<f32>,
    /// Of its crop.
    pub picture_hash: Option<u64>,
}

impl ItemFilter {
    /// Conditions on `items i` and their values.
    fn conditions(&self) -> (Vec<String>, Vec<Value>) {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        let mut add = |condition: &str, value: Value| {
            values.push(value);
            conditions.push(condition.replace('?', &format!("${}", values.len())));
        };
        add("i.status = ?", self.status.unwrap_or(ItemStatus::Open).as_str().into());
        if let Some(sku) = self.sku {
            add("i.sku = ?", sku.0.into());
        }
        if let Some(class) = &self.class {
            add("i.class = ?", class.into());
        }
        if let Some(reason) = self.reason {
            add("i.reason = ?", reason.as_str().into());
        }
        if let Some(least) = self.min_similarity {
            add("i.similarity >= ?", least.into());
        }
        if let Some(most) = self.max_similarity {
            add("i.similarity <= ?", most.into());
        }
        if let Some(since) = self.since {
            add("i.created_at >= ?", since.into());
        }
        if let Some(until) = self.until {
            add("i.created_at < ?", until.into());
        }
        (conditions, values)
    }

    /// The statement of a page, and its values.
    fn page(&self, sort: ItemSort, cursor: Option<&Cursor>, limit: u32) -> (String, Vec<Value>) {
        let (mut conditions, mut values) = self.conditions();
        let (column, descends) = sort.column();
        let (order, beyond) = if descends { ("DESC", '<') } else { ("ASC", '>') };
        if let Some(cursor) = cursor {
            values.push(match cursor.value {
                Place::Time(time) => time.into(),
                Place::Score(score) => score.into(),
            });
            values.push((&cursor.id).into());
            let (value, id) = (values.len() - 1, values.len());
            conditions.push(format!("(i.{column}, i.id) {beyond} (${value}, ${id})"));
        }
        // The page is cut from the index alone; only its rows are then read whole.
        let inner = format!(
            "SELECT i.id FROM items i WHERE {} ORDER BY i.{column} {order}, i.id {order} LIMIT {limit}",
            conditions.join(" AND ")
        );
        let outer = format!("{SELECT} WHERE i.id IN ({inner}) ORDER BY i.{column} {order}, i.id {order}");
        (outer, values)
    }
}

impl Store {
    /// A page of at most `limit` items (1 to [`MAX_PAGE`]); `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// When the cursor is not one of this list's, or the database is not there.
    pub async fn list(
        &self,
        filter: &ItemFilter,
        sort: ItemSort,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<ItemPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let cursor = cursor.map(|text| Cursor::parse(text, sort)).transpose()?;
        // One more than asked tells whether there is a next page.
        let (sql, values) = filter.page(sort, cursor.as_ref(), limit + 1);
        let rows = self.database.all(&sql, values).await?;
        let mut items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|last| {
            let (value, id) = (sort.place(last), last.id.clone());
            Cursor { sort, value, id }.spell()
        });
        Ok(ItemPage { items, next })
    }

    /// How the database goes about a list: its query plan, a line a step.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn explain_list(&self, filter: &ItemFilter, sort: ItemSort) -> Result<Vec<String>, StoreError> {
        let (sql, values) = filter.page(sort, None, 51);
        let sqlite = self.database.kind() == "SQLite";
        let (explain, column) = if sqlite { ("EXPLAIN QUERY PLAN", "detail") } else { ("EXPLAIN", "QUERY PLAN") };
        let rows = self.database.all(&format!("{explain} {sql}"), values).await?;
        rows.iter().map(|row| row.text(column)).collect()
    }

    /// Open items' embeddings by one embedder, most urgent first: what new facings are compared with.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn open_embeddings(
        &self,
        embedder: vision::Sha256,
        reason: Option<Reason>,
        limit: u32,
    ) -> Result<Vec<Waiting>, StoreError> {
        let wanted = reason.map_or(String::new(), |reason| format!(" AND i.reason = '{reason}'"));
        let sql = format!(
            "SELECT i.id, e.embedding, e.picture_hash FROM items i JOIN item_embeddings e ON e.item = i.id \
             WHERE i.status = 'open' AND e.embedder = $1{wanted} ORDER BY i.priority DESC, i.id DESC LIMIT {limit}"
        );
        let rows = self.database.all(&sql, values![embedder.to_string()]).await?;
        rows.iter()
            .map(|row| {
                let bytes: Vec<u8> = row.get("embedding")?;
                let hash: Option<i64> = row.get("picture_hash")?;
                Ok(Waiting {
                    item: row.text("id")?,
                    embedding: crate::model::from_bytes(&bytes)?,
                    picture_hash: hash.map(i64::cast_unsigned),
                })
            })
            .collect()
    }
}
