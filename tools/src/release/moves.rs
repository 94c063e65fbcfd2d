//! `shelf release promote|demote|rollback|archive`: what is in production.

use std::path::PathBuf;

use clap::Args;
use registry::Manifest;
use store::registry::{Promotion, Target};

use super::Where;
use super::evidence::read_reports;
use crate::environment::Environment;
use crate::owner::actor;
use crate::queue::with_store;

/// Put a version into production, in place of what is there. The gates must have been passed
#[derive(Args)]
pub(crate) struct PromoteArgs {
    /// Id or NAME@VERSION
    model: String,
    /// report.json of `shelf eval ... --report`, measured with it; may be repeated
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,
    /// Document of `shelf dataset apart`: data that a report judged on, compared with what was learned from; one for each pair
    #[arg(long = "apart", value_name = "FILE", requires = "reports")]
    apart: Vec<PathBuf>,
    /// Do it whatever the gates say; needs --reason
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why the gates do not hold; the audit log keeps it
    #[arg(long, value_name = "WORDS", requires = "force")]
    reason: Option<String>,
    #[command(flatten)]
    at: Where,
}

/// Take a version out of production, with nothing in its place
#[derive(Args)]
pub(crate) struct DemoteArgs {
    /// Id or NAME@VERSION
    model: String,
    #[command(flatten)]
    at: Where,
}

/// Put back what was in production before
#[derive(Args)]
pub(crate) struct RollbackArgs {
    /// Of which versions
    name: String,
    /// To this version, which has been in production [default: the one before]
    #[arg(long, value_name = "VERSION")]
    to_version: Option<String>,
    #[command(flatten)]
    at: Where,
}

/// Put a version away
#[derive(Args)]
pub(crate) struct ArchiveArgs {
    /// Id or NAME@VERSION
    model: String,
    #[command(flatten)]
    at: Where,
}

pub(super) fn promote(args: &PromoteArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let model = store.model(&organisation.id, &args.model).await?;
        if !args.reports.is_empty() {
            let config = environment.config_path(args.at.place.config());
            let evidence =
                read_reports((&args.reports, &args.apart), &model.datasets, &Manifest::of(&model)?, &config)?;
            store.add_evidence(&model, evidence, &actor(&organisation)).await?;
        }
        let reason = args.reason.as_deref().filter(|_| args.force);
        told(&store.promote(&organisation.id, &model.id, reason, &actor(&organisation)).await?);
        Ok(())
    })
}

pub(super) fn demote(args: &DemoteArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let model = store.model(&organisation.id, &args.model).await?;
        let model = store.demote(&organisation.id, &model.id, &actor(&organisation)).await?;
        println!("{} is {}; nothing of {} is in production", model.label(), model.status, model.name);
        Ok(())
    })
}

pub(super) fn rollback(args: &RollbackArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let target = args.to_version.clone().map_or(Target::Before, Target::Version);
        told(&store.rollback(&args.name, target, None, &actor(&organisation)).await?);
        Ok(())
    })
}

pub(super) fn archive(args: &ArchiveArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let model = store.model(&organisation.id, &args.model).await?;
        let model = store.archive(&organisation.id, &model.id, &actor(&organisation)).await?;
        println!("{} is {}", model.label(), model.status);
        Ok(())
    })
}

fn told(promotion: &Promotion) {
    match &promotion.replaced {
        Some(replaced) => println!("{} is in production; {} is archived", promotion.model.label(), replaced.label()),
        None => println!("{} is in production", promotion.model.label()),
    }
}
