//! `shelf table synthetic`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tabular::forecast::{SyntheticOptions, synthetic_counts};

use super::input::write_table;

/// Make up counts, to try forecasts where nobody has counted yet
#[derive(Args)]
#[command(after_help = "The column release says synthetic, and forecasts of such a table say so, too.

  shelf table synthetic --shelves 20 --days 180 --output counts.csv")]
pub(crate) struct SyntheticArgs {
    /// Shelves; ten of them are a store
    #[arg(long, value_name = "N", default_value_t = 10)]
    shelves: usize,
    /// SKUs on each shelf, 400 at most
    #[arg(long, value_name = "N", default_value_t = 8)]
    skus: usize,
    /// Days; most have one visit
    #[arg(long, value_name = "N", default_value_t = 120)]
    days: usize,
    /// Another seed, other counts
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where to write the table
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(args: &SyntheticArgs) -> anyhow::Result<()> {
    let SyntheticArgs { shelves, skus, days, seed, .. } = *args;
    let made = synthetic_counts(&SyntheticOptions { shelves, skus, days, seed })
        .context("that would be more than ten million rows, or 400 SKUs on a shelf")?;
    write_table(&args.output, &made)?;
    println!("{} synthetic rows  {}", made.rows(), args.output.display());
    Ok(())
}
