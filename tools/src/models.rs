//! `shelf models`: what a weights file holds, what it says of an input, and bringing it into the native layout.

#[cfg(feature = "workbench")]
mod import;
mod inspect;
mod run;
mod tflite;

use std::process::ExitCode;

use clap::Subcommand;
use engine::backbones::recognize;
use engine::{Backbone, Weights};

/// Inspect weights files and convert them to the native layout
#[derive(Subcommand)]
pub(crate) enum ModelsCommand {
    Inspect(inspect::InspectArgs),
    Run(run::RunArgs),
    #[cfg(feature = "workbench")]
    Import(import::ImportArgs),
}

pub(crate) fn run(command: ModelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelsCommand::Inspect(args) => inspect::run(&args)?,
        ModelsCommand::Run(args) => run::run(&args)?,
        #[cfg(feature = "workbench")]
        ModelsCommand::Import(args) => import::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Which backbone these tensors make, if any.
fn backbone(weights: &Weights) -> Option<&'static dyn Backbone> {
    let shapes: Vec<(&str, &[usize])> = weights.iter().map(|(name, shape, _)| (name, shape)).collect();
    recognize(shapes.into_iter())
}
