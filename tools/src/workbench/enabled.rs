//! The commands.

use std::process::ExitCode;

use clap::Subcommand;

use crate::environment::Environment;
use crate::{dataset, eval, factory, org, table, top, train};

/// Among the commands of `shelf`.
#[derive(Subcommand)]
pub(crate) enum Workbench {
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    Calibrate(eval::CalibrateArgs),
    #[command(subcommand)]
    Train(train::TrainCommand),
    #[command(subcommand)]
    Table(table::TableCommand),
    #[command(subcommand)]
    Org(org::OrgCommand),
    #[command(subcommand)]
    Factory(factory::FactoryCommand),
    Top(top::TopArgs),
}

impl Workbench {
    /// What is logged when nothing else is said.
    pub(crate) fn log_filter(&self) -> &'static str {
        match self {
            Self::Factory(command) => command.log_filter(),
            _ => "warn",
        }
    }
}

pub(crate) fn run(command: Workbench, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        Workbench::Dataset(command) => dataset::run(command),
        Workbench::Eval(command) => eval::run(command, environment),
        Workbench::Calibrate(args) => eval::run_calibrate(&args, environment),
        Workbench::Train(command) => train::run(command),
        Workbench::Table(command) => table::run(command, environment),
        Workbench::Org(command) => org::run(command),
        Workbench::Factory(command) => factory::run(command),
        Workbench::Top(args) => top::run(&args).map(|()| ExitCode::SUCCESS),
    }
}
