//! Pages of the queue.

use vision::SkuId;

use crate::cursor::Cursor;
use crate::error::StoreError;
use crate::item::{SELECT, item};
use crate::model::{Item, ItemStatus, Reason, Timestamp};
use crate::sort::{ItemSort, SortValue};
use crate::sql::{Value, values};
use crate::store::Store;

/// Maximum number of items of a page.
pub const MAX_PAGE: u32 = 200;

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
    /// Minimum similarity.
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
    pub image_hash: Option<u64>,
}

/// What narrows a list so much that its items are rather gathered and sorted than looked for along the list's order, where
/// all others lie between them: at most so many items in the range of a column, or of a SKU, a class or a reason. An order
/// may be long in coming to a range; what is spread over it, it meets soon unless it is rare.
const NARROW: [(&str, u32); 5] =
    [("similarity", 2_000), ("created_at", 2_000), ("sku", 5_000), ("class", 5_000), ("reason", 5_000)];

/// A condition on a column of `items i`, and its value.
#[derive(Clone)]
struct Condition {
    column: &'static str,
    comparison: &'static str,
    value: Value,
}

impl Condition {
    /// As SQL; the value joins those before it.
    fn spell(self, values: &mut Vec<Value>) -> String {
        // Spelled, so that the database knows that an index of open items will do.
        if self.column == "status"
            && let Value::Text(Some(status)) = &self.value
        {
            return format!("i.status = '{status}'");
        }
        values.push(self.value);
        format!("i.{} {} ${}", self.column, self.comparison, values.len())
    }

    /// The same for a list that is in the order of another index, which is not to be given up for this column's.
    fn spell_aside(self, values: &mut Vec<Value>) -> String {
        let Self { column, comparison, value } = self;
        let aside = match column {
            "class" | "reason" => format!("(i.{column} || '')"),
            "sku" => "(i.sku + 0)".to_owned(),
            _ => return Self { column, comparison, value }.spell(values),
        };
        values.push(value);
        format!("{aside} {comparison} ${}", values.len())
    }

    fn spell_all(conditions: Vec<Self>, values: &mut Vec<Value>) -> Vec<String> {
        conditions.into_iter().map(|condition| condition.spell(values)).collect()
    }
}

impl ItemFilter {
    fn conditions(&self) -> Vec<Condition> {
        let status = self.status.unwrap_or(ItemStatus::Open).as_str();
        let mut conditions = vec![Condition { column: "status", comparison: "=", value: status.into() }];
        let mut add = |column, comparison, value: Option<Value>| {
            conditions.extend(value.map(|value| Condition { column, comparison, value }));
        };
        add("sku", "=", self.sku.map(|sku| sku.0.into()));
        add("class", "=", self.class.as_ref().map(Into::into));
        add("reason", "=", self.reason.map(|reason| reason.as_str().into()));
        add("similarity", ">=", self.min_similarity.map(Into::into));
        add("similarity", "<=", self.max_similarity.map(Into::into));
        add("created_at", ">=", self.since.map(Into::into));
        add("created_at", "<", self.until.map(Into::into));
        conditions
    }

    fn open(&self) -> bool {
        self.status.is_none_or(|status| status == ItemStatus::Open)
    }

    /// The column whose index has this list's items in this list's order.
    fn lead(&self, sort: ItemSort) -> Option<&'static str> {
        match sort {
            ItemSort::Priority if self.sku.is_some() => Some("sku"),
            ItemSort::Priority | ItemSort::Similarity if self.open() && self.reason.is_some() => Some("reason"),
            ItemSort::Priority if self.open() && self.class.is_some() => Some("class"),
            _ => None,
        }
    }

    /// The conditions on a status and the range of a column, apart from all others; nothing when there is no such range.
    fn split(&self, range: &str) -> Option<(Vec<Condition>, Vec<Condition>)> {
        let (within, others): (Vec<_>, Vec<_>) =
            self.conditions().into_iter().partition(|c| c.column == "status" || c.column == range);
        (within.len() > 1).then_some((within, others))
    }

    /// The statement that finds a row when more than `few` items lie in the range of a column, and its values; nothing
    /// where no index tells.
    fn many(&self, range: &str, few: u32) -> Option<(String, Vec<Value>)> {
        if matches!(range, "class" | "reason") && !self.open() {
            return None;
        }
        let mut values = Vec::new();
        let within = Condition::spell_all(self.split(range)?.0, &mut values).join(" AND ");
        let sql = format!("SELECT 1 AS one FROM items i WHERE {within} ORDER BY i.{range} LIMIT 1 OFFSET {few}");
        Some((sql, values))
    }

    /// The statement of a page, and its values; `few` names a column in whose range few items lie.
    fn page(&self, sort: ItemSort, cursor: Option<&Cursor>, limit: u32, few: Option<&str>) -> (String, Vec<Value>) {
        let (column, descends) = sort.column();
        let (order, beyond) = if descends { ("DESC", '<') } else { ("ASC", '>') };
        let mut values = Vec::new();
        let gathered = few.and_then(|range| self.split(range));
        let (with, from, rest) = match gathered {
            Some((within, others)) => {
                let within = Condition::spell_all(within, &mut values).join(" AND ");
                let columns = "i.id, i.priority, i.created_at, i.similarity, i.sku, i.class, i.reason";
                (format!("WITH few AS MATERIALIZED (SELECT {columns} FROM items i WHERE {within}) "), "few", others)
            }
            None => (String::new(), "items", self.conditions()),
        };
        let lead = self.lead(sort);
        let spell =
            |c: Condition| if Some(c.column) == lead { c.spell(&mut values) } else { c.spell_aside(&mut values) };
        let mut conditions: Vec<String> = rest.into_iter().map(spell).collect();
        if let Some(cursor) = cursor {
            values.push(match cursor.value {
                SortValue::Time(time) => time.into(),
                SortValue::Score(score) => score.into(),
            });
            values.push((&cursor.id).into());
            let (value, id) = (values.len() - 1, values.len());
            conditions.push(format!("(i.{column}, i.id) {beyond} (${value}, ${id})"));
        }
        let conditions =
            if conditions.is_empty() { String::new() } else { format!("WHERE {} ", conditions.join(" AND ")) };
        // The page is cut from an index alone; only its rows are then read whole.
        let inner = format!(
            "{with}SELECT i.id FROM {from} i {conditions}ORDER BY i.{column} {order}, i.id {order} LIMIT {limit}"
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
        let few = self.narrow_range(filter, sort).await?;
        // One more than asked tells whether there is a next page.
        let (sql, values) = filter.page(sort, cursor.as_ref(), limit + 1, few);
        let rows = self.database.all(&sql, values).await?;
        let mut items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|last| {
            let (value, id) = (sort.sort_value(last), last.id.clone());
            Cursor { sort, value, id }.spell()
        });
        Ok(ItemPage { items, next })
    }

    /// A column, other than the list's own, in whose range few items lie.
    async fn narrow_range(&self, filter: &ItemFilter, sort: ItemSort) -> Result<Option<&'static str>, StoreError> {
        let lead = filter.lead(sort);
        for (range, few) in NARROW {
            if range != sort.column().0
                && lead.is_none_or(|lead| lead != range)
                && let Some((sql, values)) = filter.many(range, few)
                && self.database.optional(&sql, values).await?.is_none()
            {
                return Ok(Some(range));
            }
        }
        Ok(None)
    }

    /// How the database goes about a list: its query plan, a line a step.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn explain_list(&self, filter: &ItemFilter, sort: ItemSort) -> Result<Vec<String>, StoreError> {
        let (sql, values) = filter.page(sort, None, 51, self.narrow_range(filter, sort).await?);
        self.database.explain(&sql, values).await
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
                    image_hash: hash.map(i64::cast_unsigned),
                })
            })
            .collect()
    }
}
