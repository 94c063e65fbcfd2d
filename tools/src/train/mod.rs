//! `shelf train`: networks from labelled pictures.

mod detector;
mod export;
mod listeners;
mod progress;

use std::process::ExitCode;

use clap::Subcommand;

/// Train a network on labelled pictures
#[derive(Subcommand)]
pub(crate) enum TrainCommand {
    Detector(detector::DetectorArgs),
}

pub(crate) fn run(command: TrainCommand) -> anyhow::Result<ExitCode> {
    engine::train::memory::keep_freed();
    match command {
        TrainCommand::Detector(args) => detector::run(&args),
    }
}
