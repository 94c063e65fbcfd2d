//! `shelf flows`: work by the calendar.

mod history;
mod list;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flows::FlowsConfig;

use crate::environment::{Environment, default_config};
use crate::queue::QueueArgs;

/// Where the settings of flows lie when nothing says otherwise.
const DEFAULT_FLOWS_CONFIG: &str = "configs/flows.yaml";

/// Photos that were kept become data sets: by day candidates, by month training sets
#[derive(Subcommand)]
pub(crate) enum FlowsCommand {
    Run(run::RunArgs),
    List(list::ListArgs),
    History(history::HistoryArgs),
}

/// Where, and how.
#[derive(Args)]
pub(crate) struct FlowsArgs {
    /// Settings of flows [default: configs/flows.yaml, else built-in settings]
    #[arg(long, value_name = "FILE")]
    flows_config: Option<PathBuf>,
    #[command(flatten)]
    place: QueueArgs,
}

pub(crate) fn run(command: FlowsCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        FlowsCommand::Run(args) => run::run(&args, environment),
        FlowsCommand::List(args) => list::run(&args, environment),
        FlowsCommand::History(args) => history::run(&args, environment),
    }
}

/// As named, as it lies where settings lie, or built in.
pub(crate) fn flows_config(named: Option<&PathBuf>) -> anyhow::Result<FlowsConfig> {
    let default = default_config(DEFAULT_FLOWS_CONFIG);
    match named {
        None if !default.exists() => Ok(FlowsConfig::default()),
        named => Ok(FlowsConfig::read(named.unwrap_or(&default))?),
    }
}
