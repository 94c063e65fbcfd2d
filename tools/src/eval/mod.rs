//! `shelf eval`: how good the answers are, judged by the gates. Exit code 0: passed; 1: a gate failed; 2: could not evaluate.

mod boxes;
mod calibrate;
mod classifier;
mod config_edit;
mod detector;
mod gallery;
mod oracles;
mod outcome;
mod progress;
mod scales;
mod scenes;
mod settings;
mod shelf_counts;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use calibrate::{CalibrateArgs, run as run_calibrate};
pub(crate) use progress::folder_digest;
pub(crate) use settings::fraction;

use crate::environment::Environment;

/// Evaluate detection, identification and counts against ground truth, and check the gates
#[derive(Subcommand)]
pub(crate) enum EvalCommand {
    Detector(detector::DetectorArgs),
    Classifier(classifier::ClassifierArgs),
    ShelfCounts(shelf_counts::ShelfCountsArgs),
    Heights(scales::heights::HeightsArgs),
    Tiles(scales::tiles::TilesArgs),
}

/// Runs a command. What cannot be evaluated is an `Err`, for which the binary exits with 2.
pub(crate) fn run(command: EvalCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        EvalCommand::Detector(args) => detector::run(&args, environment),
        EvalCommand::Classifier(args) => classifier::run(&args, environment),
        EvalCommand::ShelfCounts(args) => shelf_counts::run(&args, environment),
        EvalCommand::Heights(args) => scales::heights::run(&args, environment),
        EvalCommand::Tiles(args) => scales::tiles::run(&args, environment),
    }
}
