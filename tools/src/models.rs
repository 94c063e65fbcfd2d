//! `shelf models`: what a weights file holds, and bringing it into the native layout.

mod import;
mod inspect;

use std::process::ExitCode;

use clap::Subcommand;

/// Look into weights files and bring them into the native layout
#[derive(Subcommand)]
pub(crate) enum ModelsCommand {
    Inspect(inspect::InspectArgs),
    Import(import::ImportArgs),
}

pub(crate) fn run(command: ModelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelsCommand::Inspect(args) => inspect::run(&args)?,
        ModelsCommand::Import(args) => import::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
