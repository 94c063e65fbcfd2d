//! `shelf table features`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tabular::features::{SeriesSchema, series_features};
use vision::files::read_text_bounded;

use super::input::{Input, write_table};

/// Add features of series: lags, rolling statistics, rates, anomalies, times of day and week
#[derive(Args)]
#[command(after_help = "No feature of a row knows anything of a later row. The schema is the organisation's:

  {\"organizationId\": \"acme\", \"schemaConfig\": {\"continuousColumns\": [\"facings\"],
   \"booleanColumns\": [], \"lagSeconds\": [60, 120, 300], \"rollingWindows\": [5, 10, 20]}}

  shelf table features counts.csv --schema acme.json --time time --series store,shelf,sku \\
    --output features.csv")]
pub(crate) struct FeaturesArgs {
    #[command(flatten)]
    input: Input,
    /// Schema file of the organisation
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Column with the times
    #[arg(long, value_name = "COLUMN")]
    time: String,
    /// Columns in which the rows of one series agree
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    series: Vec<String>,
    /// Where to write the table with its features
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(args: &FeaturesArgs) -> anyhow::Result<()> {
    /// Bytes of a schema file.
    const MAX_SCHEMA: u64 = 1 << 20;
    let text = read_text_bounded(&args.schema, MAX_SCHEMA)?;
    let schema: SeriesSchema =
        serde_json::from_str(&text).with_context(|| format!("{} is no schema", args.schema.display()))?;
    let table = args.input.read()?;
    let made = series_features(&table, &args.time, &args.series, &schema.schema_config)?;
    write_table(&args.output, &made)?;
    let added = made.columns().len() - table.columns().len();
    println!("{} rows, {added} features  {}", made.rows(), args.output.display());
    Ok(())
}
