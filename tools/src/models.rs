//! `shelf models`: what a weights file holds, and bringing it into the native layout.

#[cfg(feature = "workbench")]
mod import;
mod inspect;

use std::process::ExitCode;

use clap::Subcommand;
use classifier::model::Variant;
use classifier::model::layout::recognize;
use engine::Weights;

/// Inspect weights files and convert them to the native layout
#[derive(Subcommand)]
pub(crate) enum ModelsCommand {
    Inspect(inspect::InspectArgs),
    #[cfg(feature = "workbench")]
    Import(import::ImportArgs),
}

pub(crate) fn run(command: ModelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelsCommand::Inspect(args) => inspect::run(&args)?,
        #[cfg(feature = "workbench")]
        ModelsCommand::Import(args) => import::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Which EfficientNet these tensors make, if any.
fn variant(weights: &Weights) -> Option<Variant> {
    let shapes: Vec<(&str, &[usize])> = weights.iter().map(|(name, shape, _)| (name, shape)).collect();
    recognize(shapes.into_iter())
}
