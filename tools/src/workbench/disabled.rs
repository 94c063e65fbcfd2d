//! The answer of a build without the `workbench` feature.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;

use crate::environment::Environment;

/// Whatever is asked for beside the commands that there are.
#[derive(Subcommand)]
pub(crate) enum Workbench {
    #[command(external_subcommand)]
    Missing(Vec<OsString>),
}

impl Workbench {
    /// What is logged when nothing else is said.
    pub(crate) fn log_filter(&self) -> &'static str {
        "warn"
    }
}

pub(crate) fn run(command: Workbench, _environment: &Environment) -> anyhow::Result<ExitCode> {
    let Workbench::Missing(words) = command;
    let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    match name.as_str() {
        "dataset" | "eval" | "calibrate" | "train" | "table" | "factory" => bail!(
            "this program was built to serve and has no `shelf {name}`; packages (`make dist`) have it, and `cargo build --release`"
        ),
        _ => bail!("there is no command {name:?}; `shelf --help` lists them"),
    }
}
