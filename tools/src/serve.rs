//! `shelf serve`: recognition over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use flows::Scheduler;
use server::{AuthMode, Reload, ServerConfig, Setup};
use store::StoreHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::environment::{Environment, default_config};
use crate::flows::flows_config;
use crate::released::ReleaseArgs;
use crate::serving::Serving;
use crate::signals::{Hangups, asked_to_end};
use crate::tabular_onnx::exporter;

/// Where the server's own settings lie when nothing says otherwise.
const DEFAULT_SERVER_CONFIG: &str = "configs/server.yaml";

/// Longest time for a scheduler to let go what it has at hand.
const LAST: Duration = Duration::from_secs(3);

/// Serve recognition over HTTP: a page at /, POST /v2/recognize, docs at /docs
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on [default: listen of the server configuration]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Server configuration [default: configs/server.yaml, else built-in settings]
    #[arg(long, value_name = "FILE")]
    server_config: Option<PathBuf>,
    /// Who needs a key: auto (everybody, unless it listens on a loopback address), required or off [default: auth of the
    /// server configuration]
    #[arg(long, value_name = "WHO", value_parser = auth_mode)]
    auth: Option<AuthMode>,
    /// Settings of flows [default: configs/flows.yaml, else built-in settings]
    #[arg(long, value_name = "FILE")]
    flows_config: Option<PathBuf>,
    #[command(flatten)]
    release: ReleaseArgs,
}

pub(crate) fn run(args: &ServeArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    // A mistake is told at once; who loads reads it again.
    environment.pipeline_config(args.config.as_ref())?;
    let mut config = server_config(args.server_config.as_deref())?;
    config.auth = args.auth.unwrap_or(config.auth);
    let flows_config = flows_config(args.flows_config.as_ref())?;
    let listen = args.listen.unwrap_or(config.listen);
    let review_config = environment.review_config(args.config.as_ref())?;
    let store = StoreHandle::from(environment.store_settings(&review_config));
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    let serving = Arc::new(Serving {
        environment: environment.clone(),
        config: args.config.clone(),
        release: args.release.clone(),
        store: store.clone(),
        runtime: runtime.handle().clone(),
    });
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; another program may use the port: choose one with --listen")
        })?;
        let Hangups { reload, terminal_gone } = Hangups::watch();
        let again = Arc::clone(&serving);
        let reload = Reload::new(args.release.name().map(str::to_owned), move |version| again.load(version), reload);
        let (tell, told) = watch::channel(false);
        let scheduler = flows_config.schedule.then(|| {
            let scheduler = Scheduler::new(store.clone(), flows_config, &format!("server {}", std::process::id()));
            tokio::spawn(scheduler.run(told))
        });
        let setup = Setup { config, store: Some(store), reload: Some(reload), export: Some(exporter()) };
        eprintln!("listening on http://{}", listener.local_addr()?);
        let stop = async {
            tokio::select! {
                () = asked_to_end() => {}
                () = terminal_gone => {}
            }
            eprintln!("stopping: finishing what was accepted");
        };
        let served = server::run(setup, move || serving.load(None), listener, stop).await;
        tell.send_replace(true);
        if let Some(scheduler) = scheduler {
            drop(tokio::time::timeout(LAST, scheduler).await);
        }
        served.map_err(anyhow::Error::from)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn server_config(named: Option<&Path>) -> anyhow::Result<ServerConfig> {
    let default = default_config(DEFAULT_SERVER_CONFIG);
    let path = named.unwrap_or(&default);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            return Ok(ServerConfig::default());
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read the configuration {}", path.display())),
    };
    Ok(ServerConfig::parse(&text, path)?)
}

fn auth_mode(text: &str) -> Result<AuthMode, String> {
    match text {
        "auto" => Ok(AuthMode::Auto),
        "required" => Ok(AuthMode::Required),
        "off" => Ok(AuthMode::Off),
        _ => Err("it must be auto, required or off".to_owned()),
    }
}
