//! Tests are begun, found, ended.

use serde_json::{Value as Json, json};

use super::model::{COLUMNS, test};
use super::{AbMode, AbTest, NewAbTest};
use crate::access::check_name;
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::{new_id, now};
use crate::registry::model::{COLUMNS as MODEL, version};
use crate::registry::{ModelKind, ModelStatus, ModelVersion};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Most tests of an answer.
const MAX_LISTED: u32 = 1_000;
/// Smallest fraction of a side.
const LEAST: f64 = 0.001;

impl Store {
    /// Begins a test of the actor's organisation.
    ///
    /// # Errors
    /// When a version is not there or may not answer, the two cannot be compared, the name is taken, or another test of the same
    /// releases runs.
    pub async fn begin_ab_test(&self, new: NewAbTest, actor: &Actor) -> Result<AbTest, StoreError> {
        check_name("test_name", &new.name)?;
        let most = if new.mode == AbMode::Shadow { 1.0 } else { 1.0 - LEAST };
        // Written so that NaN fails.
        if !(new.split_ratio >= LEAST && new.split_ratio <= most) {
            return Err(StoreError::invalid(
                "split_ratio",
                new.split_ratio,
                format!("a number within {LEAST} and {most}"),
            ));
        }
        let actor = actor.clone();
        self.database.write(move |tx| Box::pin(async move { begin(tx, new, &actor).await })).await
    }

    /// The test of that name.
    ///
    /// # Errors
    /// When the organisation has none, or the database is not there.
    pub async fn ab_test(&self, organisation: &str, name: &str) -> Result<AbTest, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM ab_tests WHERE organisation = $1 AND name = $2");
        let row = self.database.optional(&sql, values![organisation, name]).await?;
        row.as_ref().map(test).transpose()?.ok_or_else(|| StoreError::not_found("A/B test", name))
    }

    /// Tests of an organisation, the newest first, at most a thousand.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn ab_tests(&self, organisation: &str) -> Result<Vec<AbTest>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM ab_tests WHERE organisation = $1 ORDER BY created_at DESC, id DESC LIMIT {MAX_LISTED}"
        );
        self.database.all(&sql, values![organisation]).await?.iter().map(test).collect()
    }

    /// The test that runs with releases of a name: one look into an index, for whoever asks every second.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn running_ab_test(&self, organisation: &str, subject: &str) -> Result<Option<AbTest>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM ab_tests \
             WHERE organisation = $1 AND subject = $2 AND kind = 'release' AND ended_at IS NULL"
        );
        self.database.optional(&sql, values![organisation, subject]).await?.as_ref().map(test).transpose()
    }

    /// Ends a test; one that has ended stays as it is.
    ///
    /// # Errors
    /// When the organisation has none of that name, or the database is not there.
    pub async fn end_ab_test(&self, name: &str, actor: &Actor) -> Result<AbTest, StoreError> {
        let (name, actor) = (name.to_owned(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let sql = format!("SELECT {COLUMNS} FROM ab_tests WHERE organisation = $1 AND name = $2");
                    let row = tx.optional(&sql, values![&actor.organisation, &name]).await?;
                    let found = row.as_ref().map(test).transpose()?;
                    let mut found = found.ok_or_else(|| StoreError::not_found("A/B test", &name))?;
                    if found.ended_at.is_some() {
                        return Ok(found);
                    }
                    (found.ended_at, found.ended_by) = (Some(now()), Some(actor.name.clone()));
                    let sql = "UPDATE ab_tests SET ended_at = $1, ended_by = $2 WHERE id = $3";
                    tx.execute(sql, values![found.ended_at, &actor.name, &found.id]).await?;
                    let record = Record { details: json!({"id": found.id}), ..Record::of("ab_test.end", &found.name) };
                    ledger.write(tx, &actor, record).await?;
                    Ok(found)
                })
            })
            .await
    }
}

/// A version moves: what it was compared in ends. The row of the audit log is the move's.
pub(in crate::registry) async fn end_of(tx: &mut Tx, model: &str, by: &str) -> Result<(), StoreError> {
    let sql =
        "UPDATE ab_tests SET ended_at = $1, ended_by = $2 WHERE ended_at IS NULL AND (model_a = $3 OR model_b = $3)";
    tx.execute(sql, values![now(), by, model]).await.map(drop)
}

async fn begin(tx: &mut Tx, new: NewAbTest, actor: &Actor) -> Result<AbTest, StoreError> {
    let ledger = Ledger::open(tx).await?;
    let organisation = actor.organisation.as_str();
    let (a, b) = (find(tx, organisation, &new.model_a).await?, find(tx, organisation, &new.model_b).await?);
    check(&a, &b, new.mode)?;
    let sql = "SELECT 1 AS one FROM ab_tests WHERE organisation = $1 AND name = $2";
    if tx.optional(sql, values![organisation, &new.name]).await?.is_some() {
        return Err(StoreError::NameTaken { what: "A/B test", name: new.name });
    }
    if a.kind == ModelKind::Release {
        let sql = "SELECT name FROM ab_tests \
                   WHERE organisation = $1 AND subject = $2 AND kind = 'release' AND ended_at IS NULL";
        if let Some(row) = tx.optional(sql, values![organisation, &a.name]).await? {
            let remedy = "two releases are in memory at most: end it before another one begins";
            return Err(StoreError::AbTest { test: row.text("name")?, stands: "runs", remedy });
        }
    }
    let made = AbTest {
        id: new_id(),
        organisation: a.organisation.clone(),
        name: new.name,
        kind: a.kind,
        mode: new.mode,
        subject: a.name.clone(),
        model_a: a.id.clone(),
        model_b: b.id.clone(),
        split_ratio: new.split_ratio,
        created_at: now(),
        created_by: actor.name.clone(),
        ended_at: None,
        ended_by: None,
    };
    let sql =
        format!("INSERT INTO ab_tests ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL)");
    let row = values![
        &made.id,
        &made.organisation,
        &made.name,
        made.kind.as_str(),
        made.mode.as_str(),
        &made.subject,
        &made.model_a,
        &made.model_b,
        made.split_ratio,
        made.created_at,
        &made.created_by,
    ];
    tx.execute(&sql, row).await?;
    let details = json!({
        "id": made.id, "mode": made.mode.as_str(), "a": a.label(), "b": b.label(), "split_ratio": made.split_ratio,
    });
    let (before, after) = (a.digest.to_string(), b.digest.to_string());
    ledger.write(tx, actor, Record { before, after, details, ..Record::of("ab_test.begin", &made.name) }).await?;
    Ok(made)
}

async fn find(tx: &mut Tx, organisation: &str, id: &str) -> Result<ModelVersion, StoreError> {
    let sql = format!("SELECT {MODEL} FROM model_versions WHERE organisation = $1 AND id = $2");
    let row = tx.optional(&sql, values![organisation, id]).await?;
    row.as_ref().map(version).transpose()?.ok_or_else(|| StoreError::not_found("model", id))
}

/// Whether the two can be compared at all.
fn check(a: &ModelVersion, b: &ModelVersion, mode: AbMode) -> Result<(), StoreError> {
    let unlike = |allowed: String| Err(StoreError::invalid("model_b_id", b.label(), allowed));
    if a.id == b.id {
        return unlike(format!("another version than {}, which is A", a.label()));
    }
    if a.kind != b.kind {
        return unlike(format!("of kind {}, as {} is", a.kind, a.label()));
    }
    for model in [a, b] {
        let remedy = match model.status {
            ModelStatus::Staged | ModelStatus::Production => continue,
            ModelStatus::Training => "deploy it first",
            ModelStatus::Archived => "it no longer answers; compare a version that is staged or in production",
        };
        return Err(StoreError::Status { model: model.label(), status: model.status, remedy });
    }
    match a.kind {
        ModelKind::Mlp => {
            return unlike("of kind release or tabular: networks for devices answer on their devices".to_owned());
        }
        ModelKind::Tabular if mode == AbMode::Shadow => {
            return unlike("a release: only releases have shadows".to_owned());
        }
        ModelKind::Tabular => {}
        ModelKind::Release => {
            if a.name != b.name {
                return unlike(format!("a version of {}, as {} is: a server answers with one name", a.name, a.label()));
            }
            if mode == AbMode::Shadow && a.status != ModelStatus::Production {
                return Err(StoreError::invalid("model_a_id", a.label(), "in production: a shadow is held against it"));
            }
            if a.status == b.status {
                return unlike("staged while A is in production, or the other way round".to_owned());
            }
        }
    }
    for (key, what) in [("task_type", "task"), ("target_column", "target"), ("classes", "class list")] {
        let (one, other) = (set(a, key), set(b, key));
        // A release of an earlier version of this program does not say its classes; the server compares them when it has loaded both.
        if one != other && (a.kind == ModelKind::Tabular || (one.is_some() && other.is_some())) {
            return unlike(format!("of the same {what} as {}: what differs in it cannot be compared", a.label()));
        }
    }
    Ok(())
}

fn set<'a>(model: &'a ModelVersion, key: &str) -> Option<&'a Json> {
    model.settings.get(key).filter(|value| !value.is_null())
}
