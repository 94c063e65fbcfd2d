//! `shelf table export`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tabular::{ReadOptions, TrainedModel};
use vision::files::write_atomic;

use super::input::{read_file, write_json};
use crate::tabular_onnx::{Exported, export};

/// Write a model as ONNX, and hold what ONNX Runtime says of it to what the model says
#[derive(Args)]
#[command(
    after_help = "The graph takes features (rows, features) as 32-bit numbers, in the order of its metadata `features`,
missing ones filled, words as one feature each (column=word); it scales them itself. It gives label
(the place among metadata `classes`) and probabilities, or prediction. Without --sample it is
compared on made-up rows. When they differ, nothing is written.

  shelf table export iris.model.json --output iris.onnx --sample iris.csv"
)]
pub(crate) struct ExportArgs {
    /// The model that `shelf table train` wrote
    #[arg(value_name = "FILE")]
    model: PathBuf,
    /// Where to write the ONNX file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// A table with the columns of the model, whose rows are compared
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let model = TrainedModel::read(&args.model)?;
    let sample = args.sample.as_deref().map(|path| read_file(path, &ReadOptions::default())).transpose()?;
    let Exported { bytes, parity, rows } = export(&model, sample.as_ref())?;
    println!("{rows} rows: scores differ by {:.1e} at most, {} labels differ", parity.largest, parity.labels);
    write_atomic(&args.output, |writer| writer.write_all(&bytes))?;
    println!("{} bytes  {}", bytes.len(), args.output.display());
    let outcome = json!({
        "status": "success", "bytes": bytes.len(), "sha256": vision::Sha256::of(&bytes), "rows_compared": rows,
        "largest_difference": parity.largest, "labels_that_differ": parity.labels,
    });
    write_json(args.json.as_deref(), &outcome)
}
