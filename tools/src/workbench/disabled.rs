//! The answer of a build without the `workbench` feature.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use crate::environment::Environment;

/// Commands that other builds have. Named one by one: an external subcommand would be taken for every command there is.
#[derive(Subcommand)]
pub(crate) enum Workbench {
    #[command(hide = true)]
    Dataset(Missing),
    #[command(hide = true)]
    Eval(Missing),
    #[command(hide = true)]
    Calibrate(Missing),
    #[command(hide = true)]
    Train(Missing),
    #[command(hide = true)]
    Table(Missing),
    #[command(hide = true)]
    Org(Missing),
    #[command(hide = true)]
    Factory(Missing),
    #[command(hide = true)]
    Top(Missing),
}

/// Whatever is asked of them.
#[derive(Args)]
pub(crate) struct Missing {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<OsString>,
}

impl Workbench {
    /// What is logged when nothing else is said.
    pub(crate) fn log_filter(&self) -> &'static str {
        "warn"
    }
}

#[expect(clippy::needless_pass_by_value, reason = "so takes it the build that has them")]
pub(crate) fn run(command: Workbench, _environment: &Environment) -> anyhow::Result<ExitCode> {
    let name = match command {
        Workbench::Dataset(_) => "dataset",
        Workbench::Eval(_) => "eval",
        Workbench::Calibrate(_) => "calibrate",
        Workbench::Train(_) => "train",
        Workbench::Table(_) => "table",
        Workbench::Org(_) => "org",
        Workbench::Factory(_) => "factory",
        Workbench::Top(_) => "top",
    };
    bail!(
        "this program was built to serve and has no `shelf {name}`; packages (`make dist`) have it, and `cargo build --release`"
    )
}
