//! `shelf release export|import`: a version as one file.

use std::path::PathBuf;

use clap::Args;

use super::Where;
use super::register::label;
use crate::environment::Environment;
use crate::owner::actor;
use crate::queue::with_store;

/// Write a version into one file, for another store
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Id or NAME@VERSION
    model: String,
    /// The file
    file: PathBuf,
    #[command(flatten)]
    at: Where,
}

/// Take a version out of such a file; it is staged, and nothing is registered unless every digest holds
#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The file
    file: PathBuf,
    /// Another name and version than it says
    #[arg(long = "as", value_name = "NAME@VERSION", value_parser = label)]
    named: Option<(String, String)>,
    #[command(flatten)]
    at: Where,
}

pub(super) fn export(args: &ExportArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let model = store.model(&organisation.id, &args.model).await?;
        let bytes = registry::parcel::export(&store, &model, &args.file).await?;
        println!("{}  {}  {bytes} bytes in {}", model.label(), model.digest.short(), args.file.display());
        Ok(())
    })
}

pub(super) fn import(args: &ImportArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let model = registry::parcel::import(&store, &args.file, args.named.clone(), &actor(&organisation)).await?;
        println!("{}  {}  {}  {}", model.id, model.label(), model.status, model.digest.short());
        Ok(())
    })
}
