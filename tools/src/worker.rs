//! `shelf worker`: does jobs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use platform::{Platform, Worker};
use store::StoreHandle;
use tokio::sync::watch;

use crate::environment::Environment;
use crate::serve::server_config;
use crate::signals::asked_to_end;
use crate::tabular_onnx::exporter;

/// Do jobs: training, searches, comparisons of tables
#[derive(Args)]
#[command(
    after_help = "A server does jobs, too (tables.workers of its configuration). More workers, on this machine or
others, share the queue by sharing DATABASE_URL and OBJECTS_URL. What a worker has at hand when it
is stopped is given back; what one had that was killed is taken once more when tables.lease has run
out.

  DATABASE_URL=postgres://... OBJECTS_URL=s3://... shelf worker"
)]
pub(crate) struct WorkerArgs {
    /// Do one job, if there is one, then end
    #[arg(long)]
    once: bool,
    /// Pipeline configuration, whose review section names the store [default: AI_V2_PIPELINE_CONFIG, else
    /// configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Server configuration, whose tables section says what jobs may cost [default: configs/server.yaml, else built-in
    /// settings]
    #[arg(long, value_name = "FILE")]
    server_config: Option<PathBuf>,
}

pub(crate) fn run(args: &WorkerArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let limits = server_config(args.server_config.as_deref())?.tables;
    let review_config = environment.review_config(args.config.as_ref())?;
    let store = StoreHandle::from(environment.store_settings(&review_config));
    let worker = Worker::new(
        Platform::exporting(Some(store.clone()), limits, Some(exporter())),
        format!("worker {}", std::process::id()),
    );
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        let opened = store.get().await?;
        let (tell, mut stop) = watch::channel(false);
        tokio::spawn(async move {
            asked_to_end().await;
            eprintln!("stopping: giving back what is at hand");
            tell.send_replace(true);
            // Held: a worker whose teller is gone stops.
            std::future::pending::<()>().await;
        });
        if !args.once {
            eprintln!("waiting for jobs in {}", opened.describe());
            worker.run(stop).await;
            return anyhow::Ok(());
        }
        match worker.once(&mut stop).await? {
            Some(job) => println!("{}  {}  {}  {}", job.id, job.kind, job.status, job.failure.unwrap_or_default()),
            None => println!("there is no job to do"),
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
