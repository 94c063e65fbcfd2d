//! `shelf train`: networks from labelled images.

mod classifier;
mod detector;
mod embedder;
mod eta;
mod export;
mod gates;
mod live;
mod metrics;
mod run;
mod tensorboard;
mod terminal;
mod whiten;

use std::process::ExitCode;

use clap::Subcommand;

/// Train a network on labelled images
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
