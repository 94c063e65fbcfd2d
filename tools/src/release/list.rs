//! `shelf release list`: versions, a line each.

use clap::Args;
use store::registry::{ModelFilter, ModelKind, ModelStatus};

use super::Where;
use crate::environment::Environment;
use crate::owner::time;
use crate::queue::with_store;

/// List versions, the newest first
#[derive(Args)]
pub(crate) struct ListArgs {
    /// Of this name
    #[arg(long)]
    name: Option<String>,
    /// training, staged, production or archived
    #[arg(long)]
    status: Option<ModelStatus>,
    /// release, tabular or mlp
    #[arg(long)]
    kind: Option<ModelKind>,
    #[command(flatten)]
    at: Where,
}

pub(super) fn run(args: &ListArgs, environment: &Environment) -> anyhow::Result<()> {
    let filter = ModelFilter { name: args.name.clone(), status: args.status, kind: args.kind };
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        println!(
            "{:<36}  {:<24}  {:<8}  {:<10}  {:<20}  algorithm",
            "id", "name@version", "kind", "status", "registered"
        );
        for model in store.models(&organisation.id, &filter).await? {
            let (label, at) = (model.label(), time(model.created_at));
            let (id, kind, status) = (&model.id, model.kind.as_str(), model.status.as_str());
            println!("{id:<36}  {label:<24}  {kind:<8}  {status:<10}  {at:<20}  {}", model.algorithm);
        }
        Ok(())
    })
}
