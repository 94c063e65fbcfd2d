//! `shelf org data-prep`.

use std::fs;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tabular::features::series_features;
use tabular::{ReadOptions, clean, describe, split};

use super::Common;
use super::config::OrgConfig;
use super::places::{Places, shown};
use crate::table::input::{read_file, write_json, write_table};

/// Clean the raw table, add features of its series, set rows aside for testing
#[derive(Args)]
#[command(
    after_help = "Writes data/ORG/train.csv, test.csv and prepared.json (statistics, digests). Where the table has a
time column, no feature of a row knows anything of a later row, and the latest rows are for testing.

  shelf org data-prep acme.json"
)]
pub(crate) struct DataPrepArgs {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &DataPrepArgs) -> anyhow::Result<()> {
    let config = OrgConfig::read(&args.common.config)?;
    let raw = read_file(&config.data(), &ReadOptions::default())?;
    let data = &config.data_config;
    for column in &data.drop_columns {
        raw.column(column).context("dataConfig.dropColumns")?;
    }
    let mut table = raw.clone();
    if let Some(options) = &data.clean {
        table = clean(&table, options)?;
    }
    if let Some(time) = &data.time_column {
        table = series_features(&table, time, &data.series_columns, &config.schema_config)?;
    }
    let parts = split(&table, &config.split())?;
    let (train, test) = (table.take(&parts.train), table.take(&parts.test));
    let places = Places::of(&config);
    let folder = places.data();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write_table(&folder.join("train.csv"), &train)?;
    write_table(&folder.join("test.csv"), &test)?;
    let outcome = json!({
        "organizationId": config.organization_id, "config_sha256": config.digest,
        "raw": { "file": shown(&config.data()), "rows": raw.rows(), "columns": raw.columns().len(), "sha256": raw.sha256() },
        "train": { "rows": train.rows(), "sha256": train.sha256() },
        "test": { "rows": test.rows(), "sha256": test.sha256() },
        "columns": table.names(), "description": describe(&table),
    });
    write_json(Some(&folder.join("prepared.json")), &outcome)?;
    let added = table.columns().len() - raw.columns().len();
    println!("{} of {} rows, {} columns, {added} of them new", table.rows(), raw.rows(), table.columns().len());
    println!("  {:<8} {:>9} rows  {}", "train", train.rows(), shown(&folder.join("train.csv")));
    println!("  {:<8} {:>9} rows  {}", "test", test.rows(), shown(&folder.join("test.csv")));
    Ok(())
}
