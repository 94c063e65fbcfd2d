//! SKUs: from the gallery's folders, and made by people while they label.

use std::collections::BTreeSet;

use vision::{Sku, SkuId};

use crate::error::StoreError;
use crate::model::{CatalogueSku, NewSku, SkuState, now};
use crate::sku_ref::SkuRef;
use crate::sql::{Row, Tx, Value, values};
use crate::store::Store;

/// Longest code in bytes: it is a folder's name.
const MAX_CODE: usize = 128;
/// What stands in galleries and exports for what is no container.
const NOT_A_CONTAINER: &str = "not_a_container";
/// Longest name, in characters.
const MAX_NAME: usize = 200;

const SELECT: &str = "SELECT id, code, name, gtin, brand, size, status FROM skus";

fn read(row: &Row) -> Result<CatalogueSku, StoreError> {
    Ok(CatalogueSku {
        id: SkuId(row.number("id")?),
        code: row.text("code")?,
        name: row.text("name")?,
        gtin: row.get("gtin")?,
        brand: row.get("brand")?,
        size: row.get("size")?,
        status: row.text("status")?.parse()?,
    })
}

impl Store {
    /// SKUs of the catalogue whose code, name, brand or GTIN contains `text` (whatever the case), by name.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn search_skus(&self, text: &str, limit: u32) -> Result<Vec<CatalogueSku>, StoreError> {
        let limit = limit.clamp(1, 500);
        // The text is matched as it is: `%` and `_` in it stand for themselves.
        let escaped: String = text.to_lowercase().chars().take(100).flat_map(escape).collect();
        let sql = format!(
            "{SELECT} WHERE status = 'active' AND id > 0 AND (LOWER(code) LIKE $1 ESCAPE '\\' OR LOWER(name) LIKE $1 ESCAPE '\\' \
             OR LOWER(COALESCE(brand, '')) LIKE $1 ESCAPE '\\' OR COALESCE(gtin, '') LIKE $1 ESCAPE '\\') \
             ORDER BY name, id LIMIT {limit}"
        );
        let rows = self.database.all(&sql, values![format!("%{escaped}%")]).await?;
        rows.iter().map(read).collect()
    }

    /// The SKUs that changed after `change`, whatever their state.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn skus_since(&self, change: i64) -> Result<Vec<CatalogueSku>, StoreError> {
        let rows = self.database.all(&format!("{SELECT} WHERE changed > $1 ORDER BY id"), values![change]).await?;
        rows.iter().map(read).collect()
    }

    /// SKUs by their numbers; those that are not there are left out.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn skus(&self, ids: &[SkuId]) -> Result<Vec<CatalogueSku>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let marks: Vec<String> = (1..=ids.len()).map(|n| format!("${n}")).collect();
        let sql = format!("{SELECT} WHERE id IN ({}) ORDER BY id", marks.join(", "));
        let rows = self.database.all(&sql, ids.iter().map(|id| id.0.into()).collect()).await?;
        rows.iter().map(read).collect()
    }

    /// One SKU.
    ///
    /// # Errors
    /// When there is none of that number, or the database is not there.
    pub async fn sku(&self, id: SkuId) -> Result<CatalogueSku, StoreError> {
        let row = self.database.optional(&format!("{SELECT} WHERE id = $1"), values![id.0]).await?;
        read(&row.ok_or_else(|| StoreError::not_found("SKU", id.to_string()))?)
    }
}

fn escape(c: char) -> impl Iterator<Item = char> {
    matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])
}

/// Asks for the SKU a label names, as `$2` of a statement.
pub(crate) fn lookup(sku: &SkuRef) -> (&'static str, Value) {
    match sku {
        SkuRef::Id(id) => ("SELECT id FROM skus WHERE id = $2 AND id > 0 AND status = 'active'", id.0.into()),
        SkuRef::Code(code) => ("SELECT id FROM skus WHERE code = $2 AND id > 0 AND status = 'active'", code.into()),
    }
}

/// A new SKU under the next free number. One of the same code and name is taken as it is: two reviewers met the same
/// product.
pub(crate) async fn make(tx: &mut Tx, new: &NewSku, reviewer: &str, seq: i64) -> Result<SkuId, StoreError> {
    let name = new.name.trim();
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) {
        return Err(StoreError::invalid("new_sku.name", name, format!("1 to {MAX_NAME} characters on one line")));
    }
    for (field, value) in [("new_sku.gtin", &new.gtin), ("new_sku.brand", &new.brand), ("new_sku.size", &new.size)] {
        let value = value.as_deref().unwrap_or_default();
        if value.chars().count() > MAX_NAME || value.chars().any(char::is_control) {
            return Err(StoreError::invalid(field, value, format!("at most {MAX_NAME} characters on one line")));
        }
    }
    let code = match new.code.as_deref().map(str::trim) {
        None | Some("") => code_of(name),
        Some(code) => code.to_owned(),
    };
    check_code(&code)?;
    if let Some(row) = tx.optional(&format!("{SELECT} WHERE code = $1"), values![&code]).await? {
        let known = read(&row)?;
        if known.name.to_lowercase() != name.to_lowercase() {
            return Err(StoreError::CodeTaken { code, name: known.name });
        }
        if known.status == SkuState::Retired {
            let sql = "UPDATE skus SET status = 'active', created_label = $1, changed = $1 WHERE id = $2";
            tx.execute(sql, values![seq, known.id.0]).await?;
        }
        return Ok(known.id);
    }
    let id = tx.next("sku").await?;
    let sql = "INSERT INTO skus (id, code, name, gtin, brand, size, status, created_at, created_by, created_label, changed) \
               VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8, $9, $9)";
    let row = values![id, code, name, new.gtin.clone(), new.brand.clone(), new.size.clone(), now(), reviewer, seq];
    tx.execute(sql, row).await?;
    u32::try_from(id).map(SkuId).map_err(|_| StoreError::Damaged { what: "SKU number", value: id.to_string() })
}

/// Enrols a SKU of the gallery's folder under its own number where that is free; gives the number it has here.
pub(crate) async fn adopt(tx: &mut Tx, sku: &Sku, seq: i64) -> Result<SkuId, StoreError> {
    let known = tx.optional("SELECT id, name, status FROM skus WHERE code = $1", values![&sku.code]).await?;
    if let Some(row) = known {
        let id = SkuId(row.number("id")?);
        if row.text("name")? != sku.name || row.text("status")? != "active" {
            let sql = "UPDATE skus SET name = $1, status = 'active', changed = $2 WHERE id = $3";
            tx.execute(sql, values![&sku.name, seq, id.0]).await?;
        }
        return Ok(id);
    }
    let taken = tx.optional("SELECT 1 AS one FROM skus WHERE id = $1", values![sku.id.0]).await?.is_some();
    let id = if taken { tx.next("sku").await? } else { i64::from(sku.id.0) };
    tx.execute("UPDATE counters SET value = $1 WHERE name = 'sku' AND value < $1", values![id]).await?;
    let sql = "INSERT INTO skus (id, code, name, gtin, brand, size, status, created_at, created_by, created_label, changed) \
               VALUES ($1, $2, $3, NULL, NULL, NULL, 'active', $4, 'enrolled', NULL, $5)";
    tx.execute(sql, values![id, &sku.code, &sku.name, now(), seq]).await?;
    u32::try_from(id).map(SkuId).map_err(|_| StoreError::Damaged { what: "SKU number", value: id.to_string() })
}

/// Takes SKUs out of the catalogue that came with the folder, are not in it any more (`there`), and for which neither an
/// exemplar, of whatever embedder, nor an answer stands.
pub(crate) async fn retire(tx: &mut Tx, there: &BTreeSet<SkuId>, seq: i64) -> Result<(), StoreError> {
    let sql = "SELECT id FROM skus WHERE created_by = 'enrolled' AND status = 'active' AND id > 0 \
               AND NOT EXISTS (SELECT 1 FROM exemplars e WHERE e.sku = skus.id AND e.active = 1) \
               AND NOT EXISTS (SELECT 1 FROM items i WHERE i.label_sku = skus.id)";
    for row in tx.all(sql, Vec::new()).await? {
        let id = row.number("id")?;
        if !there.contains(&SkuId(id)) {
            tx.later("UPDATE skus SET status = 'retired', changed = $1 WHERE id = $2", values![seq, id]).await?;
        }
    }
    Ok(())
}

fn check_code(code: &str) -> Result<(), StoreError> {
    if code.starts_with('_') || code.eq_ignore_ascii_case(NOT_A_CONTAINER) {
        let allowed = format!("another code: {NOT_A_CONTAINER:?} and what begins with `_` mean something of their own");
        return Err(StoreError::invalid("new_sku.code", code, allowed));
    }
    let sound = (1..=MAX_CODE).contains(&code.len())
        && !code.starts_with('.')
        && !code.chars().any(|c| c.is_control() || c == '/' || c == '\\');
    let allowed = format!("1 to {MAX_CODE} bytes without slashes, not starting with a dot");
    if sound { Ok(()) } else { Err(StoreError::invalid("new_sku.code", code, allowed)) }
}

/// `Coke Zero 330ml` -> `coke_zero_330ml`
fn code_of(name: &str) -> String {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut code = words.join("_");
    while code.len() > MAX_CODE {
        code.pop();
    }
    if code.is_empty() { "sku".to_owned() } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_codes_that_can_be_folders() {
        let check = |name: &str, code: &str| assert_eq!(code_of(name), code, "{name}");
        check("Coke Zero 330ml", "coke_zero_330ml");
        check("  Müller's  Bräu! ", "müller_s_bräu");
        check("<script>alert(1)</script>", "script_alert_1_script");
        check("../../etc", "etc");
        check("***", "sku");
        assert!(check_code(&code_of(&"ü".repeat(500))).is_ok());
        for reserved in ["_not_a_container", "not_a_container", "Not_A_Container", "_x", &code_of("Not a container")] {
            assert!(check_code(reserved).is_err(), "{reserved}");
        }
    }
}
