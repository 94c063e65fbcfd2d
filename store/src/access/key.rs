//! Keys: made, listed, looked up, revoked.

use vision::Sha256;

use super::name::check_name;
use super::{KeyToken, Role};
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::{Timestamp, digest, new_id, now};
use crate::sql::{Row, values};
use crate::store::Store;

/// Most keys of one organisation that are not revoked.
pub const MAX_KEYS: i64 = 1_000;

pub(super) const COLUMNS: &str = "k.id, k.organisation, o.name AS organisation_name, k.name, k.role, k.digest, k.created_at, \
                       k.expires_at, k.revoked_at, k.used_at FROM api_keys k JOIN organisations o ON o.id = k.organisation";

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Id of the organisation that it speaks for.
    pub organisation: String,
    /// What it is known by in logs; one of a kind among the organisation's keys that are not revoked.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// UUID.
    pub id: String,
    /// Id of the organisation that it speaks for.
    pub organisation: String,
    /// That organisation's name.
    pub organisation_name: String,
    /// What it is known by.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the key.
    pub digest: Sha256,
    /// When.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
    /// When it was used last, to a minute.
    pub used_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it is taken at a moment.
    #[must_use]
    pub fn is_live(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}

impl Store {
    /// Makes a key. This is the only time that it can be seen.
    ///
    /// # Errors
    /// When the name is taken or no name, the expiry has passed, there is no such organisation, or it has too many keys.
    pub async fn create_key(&self, new: NewKey, actor: &Actor) -> Result<(KeyToken, ApiKey), StoreError> {
        check_name("key", &new.name)?;
        let created_at = now();
        if let Some(end) = new.expires_at.filter(|end| *end <= created_at) {
            return Err(StoreError::invalid("expires", end, "a moment to come"));
        }
        let (token, id, actor) = (KeyToken::generate()?, new_id(), actor.clone());
        let hash = token.digest().to_string();
        let key = self
            .database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let sql =
                        "SELECT COUNT(*) AS all_of_them FROM api_keys WHERE organisation = $1 AND revoked_at IS NULL";
                    if tx.one(sql, values![&new.organisation]).await?.int("all_of_them")? >= MAX_KEYS {
                        let allowed = format!("one of those there are: no more than {MAX_KEYS}; revoke some");
                        return Err(StoreError::invalid("key", new.name, allowed));
                    }
                    let sql = "SELECT 1 AS one FROM organisations WHERE id = $1";
                    if tx.optional(sql, values![&new.organisation]).await?.is_none() {
                        return Err(StoreError::not_found("organisation", new.organisation));
                    }
                    let sql = "INSERT INTO api_keys (id, organisation, name, role, digest, created_at, expires_at) \
                               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
                    let row = values![
                        &id,
                        &new.organisation,
                        &new.name,
                        new.role.as_str(),
                        &hash,
                        created_at,
                        new.expires_at
                    ];
                    if tx.execute(sql, row).await? == 0 {
                        return Err(StoreError::NameTaken { what: "key", name: new.name });
                    }
                    let details = serde_json::json!({"role": new.role.as_str(), "expires_at": new.expires_at});
                    let record = Record { after: hash, details, ..Record::of("key.create", &new.name) };
                    ledger.write(tx, &actor, record).await?;
                    let row = tx.one(&format!("SELECT {COLUMNS} WHERE k.id = $1"), values![&id]).await?;
                    key(&row)
                })
            })
            .await?;
        Ok((token, key))
    }

    /// Keys of one organisation or of all, the newest last; revoked ones, too.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn keys(&self, organisation: Option<&str>) -> Result<Vec<ApiKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE $1 = '' OR k.organisation = $1 ORDER BY k.created_at, k.id");
        let rows = self.database.all(&sql, values![organisation.unwrap_or_default()]).await?;
        rows.iter().map(key).collect()
    }

    /// Keys that are not revoked, and not expired yet.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn live_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)");
        let rows = self.database.all(&sql, values![now()]).await?;
        rows.iter().map(key).collect()
    }

    /// The key of that digest, whether it is taken or not.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn key_by_digest(&self, digest: Sha256) -> Result<Option<ApiKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE k.digest = $1");
        self.database.optional(&sql, values![digest.to_string()]).await?.as_ref().map(key).transpose()
    }

    /// Revokes the key of that name or id. One that is revoked stays so.
    ///
    /// # Errors
    /// When there is none, or the database is not there.
    pub async fn revoke_key(&self, organisation: &str, named: &str, actor: &Actor) -> Result<ApiKey, StoreError> {
        let (organisation, named, actor) = (organisation.to_owned(), named.to_owned(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    // A name may have been used again after it was revoked: the one in force is meant.
                    let sql = format!(
                        "SELECT {COLUMNS} WHERE k.organisation = $1 AND (k.id = $2 OR k.name = $2) \
                         ORDER BY CASE WHEN k.revoked_at IS NULL THEN 0 ELSE 1 END, k.created_at DESC LIMIT 1"
                    );
                    let Some(row) = tx.optional(&sql, values![&organisation, &named]).await? else {
                        return Err(StoreError::not_found("key", named));
                    };
                    let mut found = key(&row)?;
                    if found.revoked_at.is_some() {
                        return Ok(found);
                    }
                    found.revoked_at = Some(now());
                    let sql = "UPDATE api_keys SET revoked_at = $1 WHERE id = $2";
                    tx.execute(sql, values![found.revoked_at, &found.id]).await?;
                    let before = found.digest.to_string();
                    let record = Record { before, ..Record::of("key.revoke", &found.name) };
                    ledger.write(tx, &actor, record).await?;
                    Ok(found)
                })
            })
            .await
    }

    /// Remembers when keys were used last, by id. Nobody waits for it, and a power cut may take it back.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn keys_used(&self, used: Vec<(String, Timestamp)>) -> Result<(), StoreError> {
        self.database
            .write_lease(move |tx| {
                Box::pin(async move {
                    for (id, at) in used {
                        let sql =
                            "UPDATE api_keys SET used_at = $1 WHERE id = $2 AND (used_at IS NULL OR used_at < $1)";
                        tx.later(sql, values![at, id]).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

pub(super) fn key(row: &Row) -> Result<ApiKey, StoreError> {
    let role = row.text("role")?;
    Ok(ApiKey {
        id: row.text("id")?,
        organisation: row.text("organisation")?,
        organisation_name: row.text("organisation_name")?,
        name: row.text("name")?,
        role: role.parse().map_err(|_| StoreError::Damaged { what: "role", value: role })?,
        digest: digest(&row.text("digest")?)?,
        created_at: row.int("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
        used_at: row.get("used_at")?,
    })
}
