//! `shelf org`: an organisation's own model of its own table, from the raw rows to the file that serves.
//!
//! | step | command | leaves behind |
//! |---|---|---|
//! | features and parts | `data-prep` | `data/ORG/` |
//! | hyperparameters | `tune` | `artifacts/ORG/VERSION/hyperparameter_results/` |
//! | a version | `train` | `models/ORG/versions/VERSION/`, `artifacts/ORG/VERSION/training_logs/` |
//! | its judgement | `validate` | `artifacts/ORG/VERSION/validation_plots/`; what meets its minimums becomes `models/ORG/current/` |
//! | ONNX | `convert-onnx` | `model.onnx` and `scaler.json` beside a model |

mod config;
mod convert_onnx;
mod data_prep;
mod places;
mod publish;
mod train;
mod tune;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Prepare, tune, train, validate and publish an organisation's own model, by one configuration file
#[derive(Subcommand)]
pub(crate) enum OrgCommand {
    DataPrep(data_prep::DataPrepArgs),
    Tune(tune::TuneArgs),
    Train(train::TrainArgs),
    Validate(validate::ValidateArgs),
    ConvertOnnx(convert_onnx::ConvertOnnxArgs),
}

/// What every step is told.
#[derive(Args)]
pub(crate) struct Common {
    /// The organisation's configuration (JSON): examples/org/README.md names its keys
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
}

/// Runs a command. What cannot be done is an `Err`, for which the binary exits with 2; a model that misses its minimums ends with 1.
pub(crate) fn run(command: OrgCommand) -> anyhow::Result<ExitCode> {
    match command {
        OrgCommand::DataPrep(args) => data_prep::run(&args)?,
        OrgCommand::Tune(args) => tune::run(&args)?,
        OrgCommand::Train(args) => train::run(&args)?,
        OrgCommand::Validate(args) => return validate::run(&args),
        OrgCommand::ConvertOnnx(args) => convert_onnx::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
