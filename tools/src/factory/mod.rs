//! `shelf factory`: a trainer that knows a server by HTTP alone.
//!
//! | file | what |
//! |---|---|
//! | `train` | the command, and the eleven steps in their order |
//! | `config` | what `configs/train.yaml` says |
//! | `schema` | what the server says of a table's columns |
//! | `rows` | the CSV, read strictly; parts of it, scaled |
//! | `folder` | what a run writes, and when it began |
//! | `judge` | how networks do on rows they have not learned from |
//! | `meta` | `meta.json` |
//! | `export` | the files of a run |

mod config;
mod export;
mod folder;
mod judge;
mod meta;
mod rows;
mod schema;
mod train;

use std::process::ExitCode;

use clap::Subcommand;

/// Train small networks for devices on a server's tables
#[derive(Subcommand)]
pub(crate) enum FactoryCommand {
    Train(train::TrainArgs),
}

impl FactoryCommand {
    /// What is logged when nothing else is said.
    pub(crate) fn log_filter(&self) -> &'static str {
        match self {
            Self::Train(args) => args.log_filter(),
        }
    }
}

pub(crate) fn run(command: FactoryCommand) -> anyhow::Result<ExitCode> {
    match command {
        FactoryCommand::Train(args) => train::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
