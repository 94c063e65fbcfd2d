//! `shelf train`: networks from labelled pictures.

mod classifier;
mod detector;
mod embedder;
mod export;
mod figures;
mod gates;
mod live;
mod pace;
mod run;
mod tensorboard;
mod terminal;

use std::process::ExitCode;

use clap::Subcommand;

/// Train a network on labelled pictures
#[derive(Subcommand)]
pub(crate) enum TrainCommand {
    Classifier(classifier::ClassifierArgs),
    Detector(detector::DetectorArgs),
}

pub(crate) fn run(command: TrainCommand) -> anyhow::Result<ExitCode> {
    train::core::memory::keep_freed();
    match command {
        TrainCommand::Classifier(args) => classifier::run(&args),
        TrainCommand::Detector(args) => detector::run(&args),
    }
}
