//! `shelf release`: the registry from the terminal.

mod ab;
mod answered;
mod compare;
mod evidence;
mod list;
mod moves;
mod parcel;
mod register;
mod show;
mod verdict;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::environment::Environment;
use crate::owner::Owner;
use crate::queue::QueueArgs;

/// Releases: a detector, an embedder, a gallery and their rules under one name and version
#[derive(Subcommand)]
pub(crate) enum ReleaseCommand {
    Register(register::RegisterArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Promote(moves::PromoteArgs),
    Demote(moves::DemoteArgs),
    Rollback(moves::RollbackArgs),
    Archive(moves::ArchiveArgs),
    Compare(compare::CompareArgs),
    Export(parcel::ExportArgs),
    Import(parcel::ImportArgs),
    #[command(subcommand)]
    Ab(ab::AbCommand),
}

/// Whose releases, and where they are kept.
#[derive(Args)]
struct Where {
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    place: QueueArgs,
}

pub(crate) fn run(command: ReleaseCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        ReleaseCommand::Register(args) => register::run(&args, environment)?,
        ReleaseCommand::List(args) => list::run(&args, environment)?,
        ReleaseCommand::Show(args) => show::run(&args, environment)?,
        ReleaseCommand::Promote(args) => moves::promote(&args, environment)?,
        ReleaseCommand::Demote(args) => moves::demote(&args, environment)?,
        ReleaseCommand::Rollback(args) => moves::rollback(&args, environment)?,
        ReleaseCommand::Archive(args) => moves::archive(&args, environment)?,
        ReleaseCommand::Compare(args) => compare::run(&args, environment)?,
        ReleaseCommand::Export(args) => parcel::export(&args, environment)?,
        ReleaseCommand::Import(args) => parcel::import(&args, environment)?,
        ReleaseCommand::Ab(command) => ab::run(&command, environment)?,
    }
    Ok(ExitCode::SUCCESS)
}
