//! `shelf release register`: what is configured becomes a version.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use registry::About;
use store::registry::DataSetRef;

use super::Where;
use super::evidence::read_reports;
use crate::environment::Environment;
use crate::owner::actor;
use crate::queue::with_store;

/// Register what the pipeline configuration names. It is loaded and run once first; its files are copied
#[derive(Args)]
pub(crate) struct RegisterArgs {
    /// What it is to be called
    #[arg(value_name = "NAME@VERSION", value_parser = label)]
    label: (String, String),
    /// Words about it
    #[arg(long, default_value = "")]
    description: String,
    /// Words to find it by; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    tags: Vec<String>,
    /// What its networks learned from, with the digest of `shelf dataset hash`; may be repeated
    #[arg(long = "dataset", value_name = "NAME=SHA256", value_parser = data_set)]
    datasets: Vec<DataSetRef>,
    /// Id of a release that it comes from; may be repeated
    #[arg(long = "parent", value_name = "ID")]
    parents: Vec<String>,
    /// It is in the making: deployed later, by its id
    #[arg(long)]
    training: bool,
    /// report.json of `shelf eval ... --report`, measured with it; may be repeated
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,
    /// Document of `shelf dataset apart`: data that a report judged on, compared with a --dataset; one for each pair
    #[arg(long = "apart", value_name = "FILE")]
    apart: Vec<PathBuf>,
    #[command(flatten)]
    at: Where,
}

pub(super) fn run(args: &RegisterArgs, environment: &Environment) -> anyhow::Result<()> {
    let flag = args.at.place.config();
    let config = environment.pipeline_config(flag)?;
    let packed = registry::pack(&config).context("what is configured cannot be released")?;
    let evidence =
        read_reports((&args.reports, &args.apart), &args.datasets, &packed.manifest, &environment.config_path(flag))?;
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let about = About {
            organisation: organisation.id.clone(),
            name: args.label.0.clone(),
            version: args.label.1.clone(),
            training: args.training,
            description: args.description.clone(),
            tags: args.tags.clone(),
            datasets: args.datasets.clone(),
            parents: args.parents.clone(),
        };
        let model = registry::register(&store, packed, about, &actor(&organisation)).await?;
        if !evidence.is_empty() {
            store.add_evidence(&model, evidence, &actor(&organisation)).await?;
        }
        println!("{}  {}  {}  {}", model.id, model.label(), model.status, model.digest.short());
        Ok(())
    })
}

/// `NAME@VERSION`.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('@').map(|(name, version)| (name.to_owned(), version.to_owned()));
    parts.ok_or_else(|| format!("{text:?} has no version; write NAME@VERSION such as shelf@1.2"))
}

/// `NAME=SHA256`.
fn data_set(text: &str) -> Result<DataSetRef, String> {
    let parts = text.rsplit_once('=').filter(|(name, digest)| !name.is_empty() && !digest.is_empty());
    let (name, sha256) = parts.ok_or_else(|| format!("{text:?} is not NAME=SHA256"))?;
    Ok(DataSetRef { name: name.to_owned(), sha256: sha256.to_owned() })
}
