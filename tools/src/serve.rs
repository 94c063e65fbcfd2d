//! `shelf serve`: recognition over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use server::{AuthMode, Example, Loaded, ReviewSetup, ServerConfig, Setup};
use store::StoreHandle;
use tokio::net::TcpListener;

use crate::environment::{Environment, default_config};
use crate::example;
use crate::released::ReleaseArgs;
use crate::signals::asked_to_end;

/// Where the server's own settings lie when nothing says otherwise.
const DEFAULT_SERVER_CONFIG: &str = "configs/server.yaml";

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
    #[command(flatten)]
    release: ReleaseArgs,
}

pub(crate) fn run(args: &ServeArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let pipeline_config = environment.pipeline_config(args.config.as_ref())?;
    let mut config = server_config(args.server_config.as_deref())?;
    config.auth = args.auth.unwrap_or(config.auth);
    let listen = args.listen.unwrap_or(config.listen);
    let enabled = environment.enabled;
    let review_config = environment.review_config(args.config.as_ref())?;
    let store = StoreHandle::from(environment.store_settings(&review_config));
    let setup = Setup { config, store: Some(store.clone()) };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    let (release, handle) = (args.release.clone(), runtime.handle().clone());
    let load = move || {
        if !enabled {
            return Err("recognition is switched off by AI_V2_ENABLED".into());
        }
        let (pipeline_config, loaded) = release.load(pipeline_config, &store, &handle)?;
        let second = review_config.second_opinion.as_ref().filter(|_| review_config.enabled);
        let second = second.map(|place| pipeline::load::second_opinion(&pipeline_config, place));
        let recognizer = loaded.recognizer.with_second_opinion(second.transpose()?);
        let review = review_config.enabled.then(|| {
            let (live, enrolled) = review::live_gallery(&pipeline_config, &loaded.gallery);
            let gallery = pipeline_config.gallery_path.clone();
            ReviewSetup { config: review_config, store, live, enrolled, gallery }
        });
        let example = Example::new(example::photo(), |served| Ok(example::recognizer(served)?));
        Ok(Loaded { recognizer, options: pipeline_config.options, review, example: Some(example.into()) })
    };
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; another program may use the port: choose one with --listen")
        })?;
        eprintln!("listening on http://{}", listener.local_addr()?);
        server::run(setup, load, listener, stop_signal()).await.map_err(anyhow::Error::from)
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

async fn stop_signal() {
    asked_to_end().await;
    eprintln!("stopping: finishing what was accepted");
}
