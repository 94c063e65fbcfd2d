//! `shelf table clean`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tabular::{CleanOptions, MissingStrategy, OutlierMethod, clean};

use super::input::{Input, named, write_json, write_table};

/// Fill or drop missing values, drop outliers
#[derive(Args)]
#[command(
    after_help = "Outliers go first, then missing values are filled. Mean and median are of numbers; other columns
get their most frequent value.

  shelf table clean counts.csv --missing median --outliers iqr --threshold 1.5 --output clean.csv"
)]
pub(crate) struct CleanArgs {
    #[command(flatten)]
    input: Input,
    /// Where to write the clean table
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// mean, median, mode, drop, forward_fill or backward_fill
    #[arg(long, value_name = "STRATEGY", default_value = "mean", value_parser = named::<MissingStrategy>)]
    missing: MissingStrategy,
    /// none, iqr (so many interquartile ranges beyond the quartiles) or zscore (so many standard deviations from the mean)
    #[arg(long, value_name = "METHOD", default_value = "none", value_parser = named::<OutlierMethod>)]
    outliers: OutlierMethod,
    /// How far out, in the unit of the method
    #[arg(long, value_name = "NUMBER", default_value_t = 3.0)]
    threshold: f64,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &CleanArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let options = CleanOptions {
        missing_strategy: args.missing,
        outlier_method: args.outliers,
        outlier_threshold: args.threshold,
    };
    let cleaned = clean(&table, &options)?;
    write_table(&args.output, &cleaned)?;
    println!("{} of {} rows are left  {}", cleaned.rows(), table.rows(), args.output.display());
    let missing: usize = cleaned.columns().iter().map(tabular::Column::missing).sum();
    if missing > 0 {
        println!("{missing} values are still missing: there was nothing to fill them with");
    }
    let outcome = json!({
        "status": "success", "original_rows": table.rows(), "cleaned_rows": cleaned.rows(), "still_missing": missing,
        "version": cleaned.sha256(), "parent": table.sha256(),
    });
    write_json(args.json.as_deref(), &outcome)
}
