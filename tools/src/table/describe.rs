//! `shelf table describe`.

use std::path::PathBuf;

use clap::Args;
use tabular::describe;
use tabular::describe::NumericStats;

use super::input::{Input, write_json};

/// Say what a table holds: types, missing values, statistics
#[derive(Args)]
#[command(after_help = "The version is the SHA-256 of the content: the same table has the same one in whatever file.

  shelf table describe counts.csv --json counts.json")]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    input: Input,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &DescribeArgs) -> anyhow::Result<()> {
    let found = describe(&args.input.read()?);
    println!("{} rows, {} columns, version {}", found.rows, found.columns, found.sha256.short());
    let width = found.column_names.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(6, 40);
    println!(
        "{:<width$} {:>19} {:>8} {:>12} {:>12} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "column", "type", "missing", "mean", "std", "min", "p25", "p50", "p75", "max"
    );
    for (name, dtype) in &found.dtypes.0 {
        let missing = found.missing_values.get(name).copied().unwrap_or(0);
        let numbers = found.numeric_stats.get(name).map(cells).unwrap_or_default();
        println!("{name:<width$} {dtype:>19} {missing:>8} {numbers}");
    }
    write_json(args.json.as_deref(), &found)
}

fn cells(stats: &NumericStats) -> String {
    let NumericStats { mean, std, min, p25, p50, p75, max } = *stats;
    let cell =
        |value: Option<f64>| value.map_or_else(|| format!("{:>12}", "-"), |value| format!("{:>12}", short(value)));
    [mean, std, min, p25, p50, p75, max].map(cell).join(" ")
}

/// Six digits that count.
fn short(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.4e}");
    }
    let whole = if magnitude < 1.0 { 1 } else { magnitude.log10() as usize + 1 };
    format!("{value:.*}", 6_usize.saturating_sub(whole))
}
