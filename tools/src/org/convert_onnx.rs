//! `shelf org convert-onnx`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tabular::TrainedModel;

use super::Common;
use super::config::OrgConfig;
use super::publish::{ONNX, reading, write_onnx};
use crate::table::input::read_file;

/// Write a model as ONNX beside it, held to the model on a sample
#[derive(Args)]
#[command(
    after_help = "Writes model.onnx and scaler.json beside MODEL. When ONNX Runtime says of SAMPLE something else
than the model, nothing is written. `shelf org train` does the same for each version.

  shelf org convert-onnx acme.json models/acme/versions/v1/model.json data/acme/test.csv"
)]
pub(crate) struct ConvertOnnxArgs {
    #[command(flatten)]
    common: Common,
    /// The model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// A table with the columns of the model, whose rows are compared
    #[arg(value_name = "SAMPLE")]
    sample: PathBuf,
}

pub(super) fn run(args: &ConvertOnnxArgs) -> anyhow::Result<()> {
    let config = OrgConfig::read(&args.common.config)?;
    let model = TrainedModel::read(&args.model)?;
    anyhow::ensure!(
        model.target == config.train_config.target_column,
        "{} tells {:?}, but {} is of {:?}",
        args.model.display(),
        model.target,
        args.common.config.display(),
        config.train_config.target_column
    );
    let sample = read_file(&args.sample, &reading(&model))?;
    let folder = args.model.parent().context("the model lies in no folder")?;
    write_onnx(folder, &model, Some(&sample))?;
    println!("{}", folder.join(ONNX).display());
    Ok(())
}
