//! `shelf table split`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;
use tabular::{SplitMethod, SplitOptions, split};

use super::input::{Input, write_json, write_table};

/// Divide the rows of a table into train, validation and test
#[derive(Args)]
#[command(after_help = "Writes train.csv, validation.csv and test.csv.

  shelf table split counts.csv --by stratified --column state --output parts/
  shelf table split counts.csv --by time --column time --output parts/")]
pub(crate) struct SplitArgs {
    #[command(flatten)]
    input: Input,
    /// Folder for the parts; it must be new or empty
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// How rows are divided
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// The column with the classes, groups or times
    #[arg(long, value_name = "COLUMN", required_if_eq_any = [("by", "stratified"), ("by", "grouped"), ("by", "time")])]
    column: Option<String>,
    /// Fraction of rows for testing
    #[arg(long, default_value_t = 0.2)]
    test_size: f64,
    /// Fraction of rows for validation
    #[arg(long, default_value_t = 0.1)]
    validation_size: f64,
    /// Another seed, another split
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum By {
    /// By chance
    #[default]
    Random,
    /// By chance, every class in the same ratio in all parts
    Stratified,
    /// Rows with one value of the column stay together
    Grouped,
    /// The latest rows are for testing
    Time,
}

pub(super) fn run(args: &SplitArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let column = || args.column.clone().context("--column is missing");
    let method = match args.by {
        By::Random => SplitMethod::Random,
        By::Stratified => SplitMethod::Stratified { by: column()? },
        By::Grouped => SplitMethod::Grouped { by: column()? },
        By::Time => SplitMethod::Time { by: column()? },
    };
    let (test_size, validation_size, seed) = (args.test_size, args.validation_size, args.seed);
    let parts = split(&table, &SplitOptions { test_size, validation_size, method, seed })?;
    let draft = vision::files::FolderDraft::begin(&args.output)?;
    for (name, rows) in [("train", &parts.train), ("validation", &parts.validation), ("test", &parts.test)] {
        write_table(&draft.path().join(format!("{name}.csv")), &table.take(rows))?;
        println!("{name:<10} {:>9} rows  {:.1} %", rows.len(), rows.len() as f64 / table.rows() as f64 * 100.0);
    }
    draft.commit()?;
    let outcome = json!({
        "status": "success", "train_samples": parts.train.len(), "validation_samples": parts.validation.len(),
        "test_samples": parts.test.len(), "parent": table.sha256(),
    });
    write_json(args.json.as_deref(), &outcome)
}
