//! Organisations: whom keys and models belong to.

use super::name::check_name;
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::{Timestamp, new_id, now};
use crate::sql::{Row, values};
use crate::store::Store;

/// Id of the organisation that every database has.
pub const DEFAULT_ORGANISATION: &str = "00000000-0000-7000-8000-000000000000";
/// Its name.
pub const DEFAULT_ORGANISATION_NAME: &str = "default";
/// Most organisations of one database.
const MAX_ORGANISATIONS: i64 = 10_000;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// UUID.
    pub id: String,
    /// Unique.
    pub name: String,
    /// When.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes an organisation.
    ///
    /// # Errors
    /// When the name is taken or no name, there are too many, or the database is not there.
    pub async fn create_organisation(&self, name: &str, actor: &Actor) -> Result<Organisation, StoreError> {
        check_name("organisation", name)?;
        let (made, actor) = (Organisation { id: new_id(), name: name.to_owned(), created_at: now() }, actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let count = tx.one("SELECT COUNT(*) AS all_of_them FROM organisations", Vec::new()).await?;
                    if count.int("all_of_them")? >= MAX_ORGANISATIONS {
                        let allowed =
                            format!("one of those known: there are {MAX_ORGANISATIONS}, and no more are taken");
                        return Err(StoreError::invalid("organisation", made.name, allowed));
                    }
                    let sql = "INSERT INTO organisations (id, name, created_at) VALUES ($1, $2, $3) \
                               ON CONFLICT (name) DO NOTHING";
                    if tx.execute(sql, values![&made.id, &made.name, made.created_at]).await? == 0 {
                        return Err(StoreError::NameTaken { what: "organisation", name: made.name });
                    }
                    ledger.write(tx, &actor, Record::of("tenant.create", &made.name)).await?;
                    Ok(made)
                })
            })
            .await
    }

    /// All organisations, by name.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn organisations(&self) -> Result<Vec<Organisation>, StoreError> {
        let rows =
            self.database.all("SELECT id, name, created_at FROM organisations ORDER BY name", Vec::new()).await?;
        rows.iter().map(organisation).collect()
    }

    /// The organisation of that id.
    ///
    /// # Errors
    /// When there is none, or the database is not there.
    pub async fn organisation_by_id(&self, id: &str) -> Result<Organisation, StoreError> {
        let sql = "SELECT id, name, created_at FROM organisations WHERE id = $1";
        match self.database.optional(sql, values![id]).await? {
            Some(row) => organisation(&row),
            None => Err(StoreError::not_found("organisation", id)),
        }
    }

    /// The organisation of that name.
    ///
    /// # Errors
    /// When there is none, or the database is not there.
    pub async fn organisation(&self, name: &str) -> Result<Organisation, StoreError> {
        let sql = "SELECT id, name, created_at FROM organisations WHERE name = $1";
        match self.database.optional(sql, values![name]).await? {
            Some(row) => organisation(&row),
            None => Err(StoreError::not_found("organisation", name)),
        }
    }
}

fn organisation(row: &Row) -> Result<Organisation, StoreError> {
    Ok(Organisation { id: row.text("id")?, name: row.text("name")?, created_at: row.int("created_at")? })
}
