//! `shelf table`: tables described, cleaned, split, learned from, predicted.

mod clean;
mod compare;
mod counts;
mod describe;
mod export;
mod features;
mod forecast;
pub(crate) mod input;
mod learning;
mod predict;
pub(crate) mod report;
mod select;
pub(crate) mod show;
mod split;
mod synthetic;
mod train;
mod tune;
pub(crate) mod validate;

use std::process::ExitCode;

use clap::Subcommand;

use crate::environment::Environment;

/// Describe, clean and split tables; train, compare and tune models on them; predict; foretell shelves
#[derive(Subcommand)]
pub(crate) enum TableCommand {
    Describe(describe::DescribeArgs),
    Clean(clean::CleanArgs),
    Split(split::SplitArgs),
    Features(features::FeaturesArgs),
    Select(select::SelectArgs),
    Train(train::TrainArgs),
    Compare(compare::CompareArgs),
    Tune(tune::TuneArgs),
    Validate(validate::ValidateArgs),
    Predict(predict::PredictArgs),
    Export(export::ExportArgs),
    Counts(counts::CountsArgs),
    Forecast(forecast::ForecastArgs),
    Synthetic(synthetic::SyntheticArgs),
}

/// Runs a command. What cannot be done is an `Err`, for which the binary exits with 2.
pub(crate) fn run(command: TableCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        TableCommand::Describe(args) => describe::run(&args),
        TableCommand::Clean(args) => clean::run(&args),
        TableCommand::Split(args) => split::run(&args),
        TableCommand::Features(args) => features::run(&args),
        TableCommand::Select(args) => select::run(&args),
        TableCommand::Train(args) => train::run(&args),
        TableCommand::Compare(args) => compare::run(&args),
        TableCommand::Tune(args) => tune::run(&args),
        TableCommand::Validate(args) => validate::run(&args),
        TableCommand::Predict(args) => predict::run(&args),
        TableCommand::Export(args) => export::run(&args),
        TableCommand::Counts(args) => counts::run(&args, environment),
        TableCommand::Forecast(args) => forecast::run(&args),
        TableCommand::Synthetic(args) => synthetic::run(&args),
    }?;
    Ok(ExitCode::SUCCESS)
}
