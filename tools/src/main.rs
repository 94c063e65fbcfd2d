//! `shelf`: photograph a shelf, get every container detected, identified and counted.

mod aliases;
mod annotated;
mod answer_file;
mod audit;
#[cfg(feature = "workbench")]
mod chosen;
#[cfg(feature = "workbench")]
mod classes;
mod colors;
#[cfg(feature = "workbench")]
mod dataset;
mod demo;
mod doctor;
mod environment;
#[cfg(feature = "workbench")]
mod eval;
mod example;
#[cfg(feature = "workbench")]
mod factory;
mod flows;
mod gallery;
#[cfg(feature = "workbench")]
mod hub;
mod keys;
mod models;
#[cfg(feature = "workbench")]
mod org;
mod owner;
mod photos;
mod queue;
mod recognize;
mod release;
mod released;
mod serve;
mod serving;
mod signals;
#[cfg(feature = "workbench")]
mod table;
mod tabular_onnx;
#[cfg(feature = "workbench")]
mod targets;
mod tenant;
#[cfg(feature = "workbench")]
mod top;
#[cfg(feature = "workbench")]
mod train;
mod workbench;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use environment::Environment;
use tracing_subscriber::EnvFilter;
use vision::decode::heic;
use vision::secret::redacted;

/// Detect, identify and count every bottle, can and glass on photos of shelves.
#[derive(Parser)]
#[command(name = "shelf", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Understood by every command.
#[derive(Args)]
struct GlobalArgs {
    /// Log more (-v: debug, -vv: trace); RUST_LOG overrides this
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    Recognize(recognize::RecognizeArgs),
    Demo(demo::DemoArgs),
    Serve(serve::ServeArgs),
    Worker(worker::WorkerArgs),
    #[command(subcommand)]
    Gallery(gallery::GalleryCommand),
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    #[command(subcommand)]
    Models(models::ModelsCommand),
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    #[command(subcommand)]
    Flows(flows::FlowsCommand),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    #[command(flatten)]
    Workbench(Box<workbench::Workbench>),
    Doctor(doctor::DoctorArgs),
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == heic::HELPER_ARGUMENT) {
        heic::run_helper(arguments);
    }
    if let Some(program) = this_program() {
        heic::use_helper(program);
    }
    let cli = Cli::parse_from(aliases::expand(std::env::args_os(), |old, new| {
        eprintln!("warning: `{old}` is called `{new}` now: the old name goes with the next release");
    }));
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // Cause by cause on lines of their own: the first says what failed, the last why.
            // Whatever a library put into its words: no address shows its password here.
            eprintln!("error: {}", redacted(&error.to_string()));
            for cause in error.chain().skip(1) {
                eprintln!("  because: {}", redacted(&cause.to_string()));
            }
            ExitCode::from(2)
        }
    }
}

/// This very file, also after an update has put another in its place.
fn this_program() -> Option<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Some(link) } else { std::env::current_exe().ok() }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment = Environment::read()?;
    let usual = match &cli.command {
        Command::Serve(_) | Command::Worker(_) => "info",
        Command::Workbench(command) => command.log_filter(),
        _ => "warn",
    };
    start_logging(&cli.global, usual);
    match cli.command {
        Command::Recognize(args) => recognize::run(&args, &environment),
        Command::Demo(args) => demo::run(&args, &environment),
        Command::Serve(args) => serve::run(&args, &environment),
        Command::Worker(args) => worker::run(&args, &environment),
        Command::Gallery(command) => gallery::run(command, &environment),
        Command::Queue(command) => queue::run(command, &environment),
        Command::Models(command) => models::run(command),
        Command::Release(command) => release::run(command, &environment),
        Command::Flows(command) => flows::run(command, &environment),
        Command::Keys(command) => keys::run(command, &environment),
        Command::Tenant(command) => tenant::run(command, &environment),
        Command::Audit(command) => audit::run(command, &environment),
        Command::Workbench(command) => workbench::run(*command, &environment),
        Command::Doctor(args) => doctor::run(&args, &environment),
    }
}

/// Logs go to standard error, so that standard output stays clean for results. A server logs each request, a factory each
/// step; other commands only what needs attention.
fn start_logging(global: &GlobalArgs, usual: &'static str) {
    let default = match global.verbose {
        0 => usual,
        1 => "info,vision=debug,engine=debug,detector=debug,classifier=debug,pipeline=debug,server=debug,tools=debug",
        _ => "debug,engine=trace,detector=trace,classifier=trace,pipeline=trace,server=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let json = std::env::var("SHELF_LOG").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        builder.json().flatten_event(true).init();
    } else {
        builder.with_target(false).with_ansi(colors::wanted(&std::io::stderr())).init();
    }
}
