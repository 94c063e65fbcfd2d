//! `shelf table forecast`.

use std::path::PathBuf;

use clap::Args;
use tabular::forecast::{Forecast, ForecastOptions, Measured, forecast};
use tabular::table::{Values, parse_moment};
use tabular::{Column, Table};
use vision::Cancel;

use super::input::{Input, write_json, write_table};

/// Foretell what each shelf holds at its next visit, and what to refill first
#[derive(Args)]
#[command(
    after_help = "The table needs the columns time, store, shelf, sku and facings, a row for each SKU at each visit, as
shelf table counts writes them. The forecast is measured on later visits than those it learned from,
beside two plain guesses: as many as last time, and the mean of the same weekday.

  shelf table counts --output counts.csv
  shelf table forecast counts.csv --output refill.csv"
)]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    input: Input,
    /// Probability with which an interval holds what is found, 0.5 to 0.99
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    level: f64,
    /// Another seed, other trees
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// How many places are printed, the most urgent first
    #[arg(long, value_name = "N", default_value_t = 10)]
    first: usize,
    /// Write all places as a table
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &ForecastArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let options = ForecastOptions { level: args.level, seed: args.seed };
    let told = forecast(&table, &options, &Cancel::never(), &|line| eprintln!("{line}"))?;
    if told.synthetic {
        println!("SYNTHETIC: these counts were made up");
    }
    if told.rows_left_out > 0 {
        eprintln!("warning: {} rows without a time or a count were left out", told.rows_left_out);
    }
    for place in told.outlooks.iter().take(args.first) {
        let empty = if place.facings <= 0.0 {
            "empty now".to_owned()
        } else {
            format!("{:.0} % empty", place.probability_empty * 100.0)
        };
        println!(
            "{:<28} {:<24} {:>3.0} now, {:>2.0} to {:>2.0} next  {empty:<11}  {}",
            place.sku,
            format!("{}, {}", place.store, place.shelf),
            place.facings,
            place.low,
            place.high,
            place.reasons.join("; ")
        );
    }
    show(&told.measured, told.level);
    if let Some(path) = &args.output {
        write_table(path, &all(&told)?)?;
        println!("{} places  {}", told.outlooks.len(), path.display());
    }
    write_json(args.json.as_deref(), &told)
}

fn show(measured: &Measured, level: f64) {
    println!("measured on {} later visits, {} to {}", measured.rows, measured.from, measured.until);
    println!("  {:<22} {:>9} {:>9} {:>12} {:>9}", "", "MAE", "Brier", format!("{:.0} % held", level * 100.0), "width");
    for (name, quality) in [
        ("forecast", measured.model),
        ("as many as last time", measured.last_value),
        ("same weekday's mean", measured.weekday_mean),
    ] {
        println!(
            "  {name:<22} {:>9.3} {:>9.4} {:>10.1} % {:>9.2}",
            quality.mae,
            quality.brier,
            quality.coverage * 100.0,
            quality.mean_width
        );
    }
}

/// All places as a table.
fn all(told: &Forecast) -> anyhow::Result<Table> {
    let words = |name: &str, word: &dyn Fn(usize) -> String| {
        let words: Vec<String> = (0..told.outlooks.len()).map(word).collect();
        Column::text(name, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let numbers = |name: &str, number: &dyn Fn(usize) -> f64| {
        Column::numbers(name, (0..told.outlooks.len()).map(number).collect())
    };
    let moments = |name: &str, moment: &dyn Fn(usize) -> Option<i64>| Column {
        name: name.to_owned(),
        values: Values::Time((0..told.outlooks.len()).map(moment).collect()),
    };
    let at = |row: usize| &told.outlooks[row];
    Ok(Table::new(vec![
        words("store", &|row| at(row).store.clone()),
        words("shelf", &|row| at(row).shelf.clone()),
        words("sku", &|row| at(row).sku.clone()),
        moments("seen_at", &|row| parse_moment(&at(row).seen_at)),
        numbers("facings", &|row| at(row).facings),
        moments("next_visit", &|row| parse_moment(&at(row).next_visit)),
        numbers("expected", &|row| at(row).expected),
        numbers("low", &|row| at(row).low),
        numbers("high", &|row| at(row).high),
        numbers("probability_empty", &|row| at(row).probability_empty),
        numbers("last_value", &|row| at(row).last_value),
        numbers("weekday_mean", &|row| at(row).weekday_mean),
        numbers("falls_per_day", &|row| at(row).falls_per_day),
        numbers("priority", &|row| at(row).priority),
        words("reasons", &|row| at(row).reasons.join("; ")),
        words("made_of", &|_| if told.synthetic { "synthetic counts" } else { "counts" }.to_owned()),
    ])?)
}
