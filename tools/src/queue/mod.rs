//! `shelf queue`: the review queue from the terminal.

mod export;
mod import;
mod label;
mod list;
mod stats;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use store::Store;

use crate::environment::Environment;

/// Show the review queue, label from the terminal, export and import labels
#[derive(Subcommand)]
pub(crate) enum QueueCommand {
    List(list::ListArgs),
    Label(label::LabelArgs),
    Stats(stats::StatsArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
}

/// Which queue.
#[derive(Args)]
pub(crate) struct QueueArgs {
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]; DATABASE_URL and
    /// OBJECTS_URL
    /// win over its section `review`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl QueueArgs {
    /// `--config`, as given.
    pub(crate) fn config(&self) -> Option<&PathBuf> {
        self.config.as_ref()
    }
}

/// Runs asynchronous work with the queue's store.
pub(crate) fn with_store<T>(
    place: &QueueArgs,
    environment: &Environment,
    work: impl AsyncFnOnce(Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let settings = environment.store_settings(&environment.review_config(place.config.as_ref())?);
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        let store = Store::open(&settings).await.context("the store cannot be opened")?;
        let done = work(store.clone()).await;
        store.close().await;
        done
    })
}

pub(crate) fn run(command: QueueCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        QueueCommand::List(args) => list::run(&args, environment)?,
        QueueCommand::Label(args) => label::run(&args, environment)?,
        QueueCommand::Stats(args) => stats::run(&args, environment)?,
        QueueCommand::Export(args) => export::run(&args, environment)?,
        QueueCommand::Import(args) => import::run(&args, environment)?,
    }
    Ok(ExitCode::SUCCESS)
}
