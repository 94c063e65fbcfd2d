//! `shelf tenant`: organisations.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use store::access::DEFAULT_ORGANISATION_NAME;

use crate::environment::Environment;
use crate::owner::{actor, time};
use crate::queue::{QueueArgs, with_store};

/// Organisations: make and list them
#[derive(Subcommand)]
pub(crate) enum TenantCommand {
    Create(CreateArgs),
    List(ListArgs),
}

/// Make an organisation
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Letters, digits, dots, underscores and hyphens
    name: String,
    #[command(flatten)]
    place: QueueArgs,
}

/// List organisations
#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: QueueArgs,
}

pub(crate) fn run(command: TenantCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        TenantCommand::Create(args) => with_store(&args.place, environment, async |store| {
            let home = store.organisation(DEFAULT_ORGANISATION_NAME).await?;
            let made = store.create_organisation(&args.name, &actor(&home)).await?;
            println!("{}  {}", made.id, made.name);
            Ok(())
        })?,
        TenantCommand::List(args) => with_store(&args.place, environment, async |store| {
            for organisation in store.organisations().await? {
                println!("{}  {:<20}  {}", organisation.id, time(organisation.created_at), organisation.name);
            }
            Ok(())
        })?,
    }
    Ok(ExitCode::SUCCESS)
}
