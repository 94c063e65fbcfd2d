//! Versions move: into production, out of it, and back. Each move is one transaction.

use super::ab::end_of;
use super::gates::missing;
use super::history::{self, details};
use super::model::{COLUMNS, version};
use super::register::{check_words, text};
use super::{ModelStatus, ModelVersion};
use crate::access::check_name;
use crate::audit::{Actor, Ledger, Record};
use crate::error::StoreError;
use crate::idempotency::Key;
use crate::sql::{Tx, values};
use crate::store::Store;

/// A version went into production.
#[derive(Debug, Clone, PartialEq)]
pub struct Promotion {
    /// As it stands now.
    pub model: ModelVersion,
    /// What was in production before; it is archived now.
    pub replaced: Option<ModelVersion>,
}

/// Where a rollback goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To what was in production before.
    Before,
    /// To this version, which has been in production.
    Version(String),
}

/// A version in the making that is to be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// Id of the version in the making.
    pub job: String,
    /// What it is to be called.
    pub name: String,
    /// One of a kind under the name.
    pub version: String,
    /// Words.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it goes into production at once.
    pub promote: bool,
}

impl Store {
    /// Puts a staged version into production, in place of the one that is there. Gates are asked unless there is a reason to
    /// force it, which the audit log keeps. The version that is there already stays there.
    ///
    /// # Errors
    /// When there is no such version, it is not staged, it has not passed the gates, or the database is not there.
    pub async fn promote(
        &self,
        organisation: &str,
        id: &str,
        force: Option<&str>,
        actor: &Actor,
    ) -> Result<Promotion, StoreError> {
        if let Some(reason) = force
            && reason.trim().chars().count() < 3
        {
            return Err(StoreError::invalid("reason", reason, "words that say why the gates do not hold"));
        }
        let (organisation, id, actor) = (organisation.to_owned(), id.to_owned(), actor.clone());
        let force = force.map(str::to_owned);
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let model = find(tx, &organisation, &id).await?;
                    promote(tx, ledger, model, force.as_deref(), &actor).await
                })
            })
            .await
    }

    /// Takes a version that was trained into the registry under a name, and into production when that is asked for: both or
    /// neither.
    ///
    /// # Errors
    /// When there is nothing of that id in the making, the version is taken, or as [`Store::promote`].
    pub async fn deploy(&self, organisation: &str, deploy: Deploy, actor: &Actor) -> Result<Promotion, StoreError> {
        check_name("model_name", &deploy.name)?;
        check_name("version", &deploy.version)?;
        check_words("any", &deploy.description, &deploy.tags)?;
        let (organisation, actor) = (organisation.to_owned(), actor.clone());
        self.database
            .write(move |tx| Box::pin(async move { deploy_job(tx, &organisation, deploy, &actor).await }))
            .await
    }

    /// Takes the version that is in production out, with nothing in its place; it is staged again.
    ///
    /// # Errors
    /// When it is not in production, or the database is not there.
    pub async fn demote(&self, organisation: &str, id: &str, actor: &Actor) -> Result<ModelVersion, StoreError> {
        let (organisation, id, actor) = (organisation.to_owned(), id.to_owned(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let model = find(tx, &organisation, &id).await?;
                    if model.status != ModelStatus::Production {
                        return Err(refused(&model, "only what is in production can be taken out of it"));
                    }
                    let now_there = history::current(tx, &organisation, &model.name).await?;
                    let model = set_status(tx, model, ModelStatus::Staged, &actor.name).await?;
                    let beneath = now_there.map(|deployment| deployment.seq);
                    history::add(tx, &model, None, beneath, ("demote", &actor.name)).await?;
                    let record = Record {
                        before: model.digest.to_string(),
                        details: details(&model, None),
                        ..Record::of("model.demote", &model.label())
                    };
                    ledger.write(tx, &actor, record).await?;
                    Ok(model)
                })
            })
            .await
    }

    /// Puts a version away that is not in production.
    ///
    /// # Errors
    /// When it is in production, or the database is not there.
    pub async fn archive(&self, organisation: &str, id: &str, actor: &Actor) -> Result<ModelVersion, StoreError> {
        let (organisation, id, actor) = (organisation.to_owned(), id.to_owned(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    let ledger = Ledger::open(tx).await?;
                    let model = find(tx, &organisation, &id).await?;
                    match model.status {
                        ModelStatus::Archived => return Ok(model),
                        ModelStatus::Production => {
                            return Err(refused(&model, "promote another one, or demote it first"));
                        }
                        ModelStatus::Training | ModelStatus::Staged => {}
                    }
                    let model = set_status(tx, model, ModelStatus::Archived, &actor.name).await?;
                    let record =
                        Record { details: details(&model, None), ..Record::of("model.archive", &model.label()) };
                    ledger.write(tx, &actor, record).await?;
                    Ok(model)
                })
            })
            .await
    }

    /// Puts back what was in production of the actor's organisation. Asked for again, it goes further back, unless it is the same request by its key.
    ///
    /// # Errors
    /// When nothing was, or the database is not there.
    pub async fn rollback(
        &self,
        name: &str,
        target: Target,
        key: Option<Key>,
        actor: &Actor,
    ) -> Result<Promotion, StoreError> {
        let (name, actor) = (name.to_owned(), actor.clone());
        self.database
            .write(move |tx| {
                Box::pin(async move {
                    // First of all that is held, as in every change that is audited.
                    let ledger = Ledger::open(tx).await?;
                    if let Some(key) = &key
                        && let Some(done) = key.take(tx).await?
                    {
                        return Ok(Promotion { model: find(tx, &actor.organisation, &done).await?, replaced: None });
                    }
                    let promotion = rollback(tx, ledger, name, target, &actor).await?;
                    if let Some(key) = &key {
                        key.keep(tx, &promotion.model.id).await?;
                    }
                    Ok(promotion)
                })
            })
            .await
    }
}

async fn promote(
    tx: &mut Tx,
    ledger: Ledger,
    model: ModelVersion,
    force: Option<&str>,
    actor: &Actor,
) -> Result<Promotion, StoreError> {
    match model.status {
        ModelStatus::Staged => {}
        ModelStatus::Production => return Ok(Promotion { model, replaced: None }),
        ModelStatus::Training => return Err(refused(&model, "deploy it when it is whole")),
        ModelStatus::Archived => {
            return Err(refused(&model, "a rollback brings back what was in production; register it anew otherwise"));
        }
    }
    let reasons = missing(tx, &model).await?;
    if !reasons.is_empty() && force.is_none() {
        return Err(StoreError::NotPassed { model: model.label(), reasons });
    }
    let beneath = history::current(tx, &model.organisation, &model.name).await?.map(|deployment| deployment.seq);
    let promotion = replace(tx, model, beneath, ("promote", &actor.name)).await?;
    let mut about = details(&promotion.model, promotion.replaced.as_ref());
    if let Some(reason) = force {
        about["forced"] = reason.into();
        about["gates"] = reasons.into();
    }
    ledger.write(tx, actor, record("model.promote", &promotion, about)).await?;
    Ok(promotion)
}

async fn rollback(
    tx: &mut Tx,
    ledger: Ledger,
    name: String,
    target: Target,
    actor: &Actor,
) -> Result<Promotion, StoreError> {
    let organisation = actor.organisation.as_str();
    let nothing = || StoreError::NothingBefore { name: name.clone() };
    let back = match target {
        Target::Before => {
            let now_there = history::current(tx, organisation, &name).await?.ok_or_else(nothing)?;
            history::numbered(tx, now_there.beneath.ok_or_else(nothing)?).await?.ok_or_else(nothing)?
        }
        Target::Version(wanted) => {
            let sql =
                format!("SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND name = $2 AND version = $3");
            let row = tx.optional(&sql, values![organisation, &name, &wanted]).await?;
            let found = row.as_ref().map(version).transpose()?;
            let found = found.ok_or_else(|| StoreError::not_found("version", &wanted))?;
            let was_there = history::of_model(tx, &found.id).await?;
            was_there.ok_or_else(|| refused(&found, "it has never been in production: promote it"))?
        }
    };
    // A version that was taken out left a deployment of nothing: what lies beneath that is meant.
    let back = match (&back.model, back.beneath) {
        (None, Some(beneath)) => history::numbered(tx, beneath).await?.ok_or_else(nothing)?,
        _ => back,
    };
    let model = find(tx, organisation, back.model.as_deref().ok_or_else(nothing)?).await?;
    if model.status == ModelStatus::Production {
        return Ok(Promotion { model, replaced: None });
    }
    let promotion = replace(tx, model, back.beneath, ("rollback", &actor.name)).await?;
    let about = details(&promotion.model, promotion.replaced.as_ref());
    ledger.write(tx, actor, record("model.rollback", &promotion, about)).await?;
    Ok(promotion)
}

async fn deploy_job(tx: &mut Tx, organisation: &str, deploy: Deploy, actor: &Actor) -> Result<Promotion, StoreError> {
    let ledger = Ledger::open(tx).await?;
    let made = find(tx, organisation, &deploy.job).await.map_err(|error| match error {
        StoreError::NotFound { .. } => StoreError::not_found("training job", &deploy.job),
        error => error,
    })?;
    let same_name = made.name == deploy.name && made.version == deploy.version;
    if made.status != ModelStatus::Training {
        // Sent twice, it is done once.
        let done = same_name && (!deploy.promote || made.status == ModelStatus::Production);
        let remedy = "it was deployed before; promote it, or train another one";
        return if done { Ok(Promotion { model: made, replaced: None }) } else { Err(refused(&made, remedy)) };
    }
    let sql = "SELECT 1 AS one FROM model_versions WHERE organisation = $1 AND name = $2 AND version = $3 AND id <> $4";
    if tx.optional(sql, values![organisation, &deploy.name, &deploy.version, &made.id]).await?.is_some() {
        return Err(StoreError::VersionTaken { name: deploy.name, version: deploy.version });
    }
    let sql = "UPDATE model_versions SET name = $1, version = $2, description = $3, tags = $4, status = 'staged' WHERE id = $5";
    let row = values![&deploy.name, &deploy.version, &deploy.description, text(&deploy.tags), &made.id];
    tx.execute(sql, row).await?;
    let model = find(tx, organisation, &made.id).await?;
    let record = Record {
        after: model.digest.to_string(),
        details: details(&model, None),
        ..Record::of("model.deploy", &model.label())
    };
    ledger.write(tx, actor, record).await?;
    if deploy.promote {
        let ledger = Ledger::open(tx).await?;
        return promote(tx, ledger, model, None, actor).await;
    }
    Ok(Promotion { model, replaced: None })
}

/// The one in production makes room, then the other one takes its place: the database admits no two.
async fn replace(
    tx: &mut Tx,
    model: ModelVersion,
    beneath: Option<i64>,
    (action, by): (&str, &str),
) -> Result<Promotion, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND name = $2 AND status = 'production'");
    let there = tx.optional(&sql, values![&model.organisation, &model.name]).await?;
    let replaced = match there.as_ref().map(version).transpose()? {
        Some(there) => Some(set_status(tx, there, ModelStatus::Archived, by).await?),
        None => None,
    };
    let model = set_status(tx, model, ModelStatus::Production, by).await?;
    history::add(tx, &model, Some(&model.id), beneath, (action, by)).await?;
    Ok(Promotion { model, replaced })
}

/// Moves it, and ends the tests that it was in: `by` is who moves it.
async fn set_status(
    tx: &mut Tx,
    model: ModelVersion,
    status: ModelStatus,
    by: &str,
) -> Result<ModelVersion, StoreError> {
    let sql = "UPDATE model_versions SET status = $1 WHERE id = $2";
    tx.execute(sql, values![status.as_str(), &model.id]).await?;
    end_of(tx, &model.id, by).await?;
    Ok(ModelVersion { status, ..model })
}

async fn find(tx: &mut Tx, organisation: &str, id: &str) -> Result<ModelVersion, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM model_versions WHERE organisation = $1 AND id = $2");
    match tx.optional(&sql, values![organisation, id]).await? {
        Some(row) => version(&row),
        None => Err(StoreError::not_found("model", id)),
    }
}

fn refused(model: &ModelVersion, remedy: &'static str) -> StoreError {
    StoreError::Status { model: model.label(), status: model.status, remedy }
}

fn record(action: &'static str, promotion: &Promotion, details: serde_json::Value) -> Record {
    let before = promotion.replaced.as_ref().map_or_else(String::new, |model| model.digest.to_string());
    let after = promotion.model.digest.to_string();
    Record { before, after, details, ..Record::of(action, &promotion.model.label()) }
}
