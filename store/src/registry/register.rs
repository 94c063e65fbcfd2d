//! A version is written down.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use super::model::{COLUMNS, digest_of, version};
use super::{ModelStatus, ModelVersion, NewModel};
use crate::access::check_name;
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::model::{new_id, now};
use crate::sql::{Tx, values};
use crate::store::Store;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 2_000;
/// Longest name of an algorithm, of a metric, of a data set; longest tag.
const MAX_WORD: usize = 200;
/// Most metrics, data sets, parents, tags, files of a version.
const MAX_ENTRIES: usize = 200;
/// Largest settings, in bytes.
const MAX_SETTINGS: usize = 1 << 20;

impl Store {
    /// Registers a version whose files were written before ([`Store::model_objects`]). Registered again, the same is the same
    /// version.
    ///
    /// # Errors
    /// When a name is none, a value is too large, a file is not there, a parent is unknown, the version is taken by
    /// something else, or database or objects are not there.
    pub async fn register(&self, mut new: NewModel, actor: &Actor) -> Result<ModelVersion, StoreError> {
        new.files.sort();
        self.check_files(&new).await?;
        let actor = actor.clone();
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    register_within(tx, ledger, new, None, &actor).await
                })
            })
            .await
    }

    /// Refuses what cannot be a version, and one whose files were not written before.
    pub(crate) async fn check_files(&self, new: &NewModel) -> Result<(), StoreError> {
        check(new)?;
        let objects = self.model_objects(&new.organisation);
        for file in &new.files {
            match objects.size(file.sha256).await? {
                Some(bytes) if bytes == file.bytes => {}
                Some(bytes) => {
                    return Err(StoreError::Damaged {
                        what: "file of a model",
                        value: format!("{}: {bytes} bytes", file.path),
                    });
                }
                None => return Err(StoreError::not_found("file", &file.path)),
            }
        }
        Ok(())
    }
}

/// Writes a version down within a change, under this id where there is one.
pub(crate) async fn register_within(
    tx: &mut Tx,
    ledger: Ledger,
    new: NewModel,
    id: Option<String>,
    actor: &Actor,
) -> Result<ModelVersion, StoreError> {
    let settings = new.settings.to_string();
    let digest = digest_of(new.kind, &settings, &new.files);
    let sql = "SELECT 1 AS one FROM organisations WHERE id = $1";
    if tx.optional(sql, values![&new.organisation]).await?.is_none() {
        return Err(StoreError::not_found("organisation", new.organisation));
    }
    let sql = format!("SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND name = $2 AND version = $3");
    if let Some(row) = tx.optional(&sql, values![&new.organisation, &new.name, &new.version]).await? {
        let known = version(&row)?;
        if known.digest == digest && known.kind == new.kind {
            return Ok(known);
        }
        return Err(StoreError::VersionTaken { name: new.name, version: new.version });
    }
    for parent in &new.parents {
        let sql = "SELECT 1 AS one FROM model_versions WHERE organisation = $1 AND id = $2";
        if tx.optional(sql, values![&new.organisation, parent]).await?.is_none() {
            return Err(StoreError::not_found("parent", parent));
        }
    }
    let made = ModelVersion {
        id: id.unwrap_or_else(new_id),
        organisation: new.organisation,
        kind: new.kind,
        name: new.name,
        version: new.version,
        status: if new.training { ModelStatus::Training } else { ModelStatus::Staged },
        algorithm: new.algorithm,
        description: new.description,
        metrics: new.metrics,
        datasets: new.datasets,
        parents: new.parents,
        tags: new.tags,
        settings: new.settings,
        digest,
        created_at: now(),
        created_by: actor.name.clone(),
    };
    let sql = format!(
        "INSERT INTO model_versions ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    let row = values![
        &made.id,
        &made.organisation,
        made.kind.as_str(),
        &made.name,
        &made.version,
        made.status.as_str(),
        &made.algorithm,
        &made.description,
        text(&made.metrics),
        text(&made.datasets),
        text(&made.parents),
        text(&made.tags),
        settings,
        digest.to_string(),
        made.created_at,
        &made.created_by,
    ];
    tx.execute(&sql, row).await?;
    for file in &new.files {
        let sql = "INSERT INTO model_files (model, path, sha256, bytes) VALUES ($1, $2, $3, $4)";
        let bytes = i64::try_from(file.bytes).unwrap_or(i64::MAX);
        tx.later(sql, values![&made.id, &file.path, file.sha256.to_string(), bytes]).await?;
    }
    let details =
        json!({"id": made.id, "kind": made.kind.as_str(), "status": made.status.as_str(), "files": new.files.len()});
    let record = Record { after: digest.to_string(), details, ..Record::of("model.register", &made.label()) };
    ledger.write(tx, actor, record).await?;
    Ok(made)
}

/// Plain data always has a text.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn check(new: &NewModel) -> Result<(), StoreError> {
    check_name("name", &new.name)?;
    check_name("version", &new.version)?;
    check_words(&new.algorithm, &new.description, &new.tags)?;
    let few = |field, entries: usize| {
        let allowed = || format!("at most {MAX_ENTRIES} of them");
        if entries <= MAX_ENTRIES { Ok(()) } else { Err(StoreError::invalid(field, entries, allowed())) }
    };
    few("metrics", new.metrics.len())?;
    few("datasets", new.datasets.len())?;
    few("parents", new.parents.len())?;
    few("files", new.files.len())?;
    for (name, value) in &new.metrics {
        word("metrics", name)?;
        if !value.is_finite() {
            return Err(StoreError::invalid("metrics", format!("{name}: {value}"), "a finite number"));
        }
    }
    for set in &new.datasets {
        word("datasets", &set.name)?;
        word("datasets", &set.sha256)?;
    }
    let mut paths = BTreeSet::new();
    for file in &new.files {
        let safe = vision::files::safe_relative(&file.path).is_ok_and(|safe| safe == file.path);
        if !safe || !paths.insert(&file.path) {
            return Err(StoreError::invalid("files", &file.path, "a relative path that stands there once"));
        }
    }
    let bytes = new.settings.to_string().len();
    if bytes > MAX_SETTINGS {
        return Err(StoreError::invalid("settings", format!("{bytes} bytes"), format!("at most {MAX_SETTINGS} bytes")));
    }
    Ok(())
}

/// What people wrote is neither empty of meaning nor endless.
pub(super) fn check_words(algorithm: &str, description: &str, tags: &[String]) -> Result<(), StoreError> {
    word("algorithm", algorithm)?;
    if description.chars().count() > MAX_DESCRIPTION {
        return Err(StoreError::invalid("description", description, format!("at most {MAX_DESCRIPTION} characters")));
    }
    if tags.len() > MAX_ENTRIES {
        return Err(StoreError::invalid("tags", tags.len(), format!("at most {MAX_ENTRIES} of them")));
    }
    tags.iter().try_for_each(|tag| word("tags", tag))
}

fn word(field: &'static str, text: &str) -> Result<(), StoreError> {
    let length = text.chars().take(MAX_WORD + 1).count();
    if (1..=MAX_WORD).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(StoreError::invalid(field, text, format!("1 to {MAX_WORD} characters, none of them a control character")))
}
