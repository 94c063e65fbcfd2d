//! Features of all rows of a table, series by series.

use std::collections::HashMap;

use thiserror::Error;

use super::cycle::{day, week};
use super::past::Past;
use super::schema::{SchemaConfig, SchemaError};
use crate::split::keys;
use crate::table::{Column, Kind, Table, TableError, Values};

/// Columns that may be multiplied with each other: each two make a feature.
const MAX_CROSSED: usize = 8;
/// Robust standard deviations beyond which a value is an anomaly (Iglewicz and Hoaglin 1993).
const ANOMALY: f64 = 3.5;
/// New cells, at most.
const MAX_CELLS: usize = 500_000_000;

/// Rows of all windows of all rows, at most.
const MAX_WORK: usize = 5_000_000_000;

/// A table that has no such series.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FeatureError {
    /// A column is missing, of another type, or there already.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The schema makes no sense.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Rows without a moment.
    #[error("{rows} rows have no time in column {column:?}")]
    NoTime {
        /// The column.
        column: String,
        /// Rows.
        rows: usize,
    },
    /// Windows so long, on so many rows, that it would take too much time.
    #[error("the rolling windows of {rows} rows have more than {MAX_WORK} rows in all: take fewer or shorter ones")]
    TooMuchWork {
        /// Rows.
        rows: usize,
    },
    /// More than can be made.
    #[error("{features} features of {rows} rows are more than {MAX_CELLS} cells")]
    TooMany {
        /// Features.
        features: usize,
        /// Rows.
        rows: usize,
    },
}

/// The table with the features of its series after its own columns. Rows of one series agree in all columns of `series` and are taken in
/// order of `time`; rows of one moment in their own order. Rows stay where they are.
///
/// For a column `x`: `x_lag_60s`, `x_roll_5_mean|std|min|max|median`, `x_rate`, `x_acceleration`, `x_robust_z` and `x_anomaly` (over the
/// longest window), `x_since_rise`; `x_times_y` for each two of the first eight; `time_day_sin|cos`, `time_week_sin|cos`.
///
/// # Errors
/// When the schema does not fit the table.
pub fn series_features(
    table: &Table,
    time: &str,
    series: &[String],
    schema: &SchemaConfig,
) -> Result<Table, FeatureError> {
    schema.check()?;
    let times = moments(table, time)?;
    let inputs = inputs(table, schema)?;
    let per_input = schema.lag_seconds.len() + 5 * schema.rolling_windows.len() + 5;
    let features = inputs.len() * per_input + MAX_CROSSED * MAX_CROSSED + 4;
    if features.saturating_mul(table.rows()) > MAX_CELLS {
        return Err(FeatureError::TooMany { features, rows: table.rows() });
    }
    let windows: usize = schema.rolling_windows.iter().sum();
    if windows.saturating_mul(table.rows()).saturating_mul(inputs.len()) > MAX_WORK {
        return Err(FeatureError::TooMuchWork { rows: table.rows() });
    }
    let order = in_series(table, series, &times)?;
    let mut columns = table.columns().to_vec();
    for (name, values) in &inputs {
        columns.extend(of_column(name, values, &times, &order, schema));
    }
    columns.extend(crossed(&inputs));
    for (name, circle) in [("day", day as fn(i64) -> [f64; 2]), ("week", week)] {
        for (at, part) in ["sin", "cos"].into_iter().enumerate() {
            let values = times.iter().map(|time| circle(*time)[at]).collect();
            columns.push(Column::numbers(&format!("time_{name}_{part}"), values));
        }
    }
    Ok(Table::new(columns)?)
}

fn moments(table: &Table, name: &str) -> Result<Vec<i64>, FeatureError> {
    let column = table.column(name)?;
    let Values::Time(times) = &column.values else {
        let (name, found) = (name.to_owned(), column.kind());
        return Err(TableError::WrongKind { name, found, needed: Kind::Time }.into());
    };
    match column.missing() {
        0 => Ok(times.iter().flatten().copied().collect()),
        rows => Err(FeatureError::NoTime { column: name.to_owned(), rows }),
    }
}

/// The columns that features are made of, as numbers.
fn inputs(table: &Table, schema: &SchemaConfig) -> Result<Vec<(String, Vec<f64>)>, FeatureError> {
    let wanted = schema.continuous_columns.iter().map(|name| (name, Kind::Number));
    let wanted = wanted.chain(schema.boolean_columns.iter().map(|name| (name, Kind::Flag)));
    wanted
        .map(|(name, needed)| {
            let column = table.column(name)?;
            let values = match (&column.values, needed) {
                (Values::Number(numbers), Kind::Number) => numbers.values.clone(),
                (Values::Flag(flags), Kind::Flag) => {
                    flags.iter().map(|flag| flag.map_or(f64::NAN, |flag| f64::from(u8::from(flag)))).collect()
                }
                _ => return Err(TableError::WrongKind { name: name.clone(), found: column.kind(), needed }.into()),
            };
            Ok((name.clone(), values))
        })
        .collect()
}

/// Rows of each series in order of time.
fn in_series(table: &Table, series: &[String], times: &[i64]) -> Result<Vec<Vec<usize>>, FeatureError> {
    let by_column = series.iter().map(|name| Ok(keys(table.column(name)?))).collect::<Result<Vec<_>, TableError>>()?;
    let mut place: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for row in 0..table.rows() {
        let key: Vec<usize> = by_column.iter().map(|keys| keys[row]).collect();
        let at = *place.entry(key).or_insert_with(|| {
            rows.push(Vec::new());
            rows.len() - 1
        });
        rows[at].push(row);
    }
    rows.iter_mut().for_each(|rows| rows.sort_by_key(|row| times[*row]));
    Ok(rows)
}

fn of_column(name: &str, values: &[f64], times: &[i64], order: &[Vec<usize>], schema: &SchemaConfig) -> Vec<Column> {
    use rayon::prelude::*;
    let names = names(name, schema);
    let longest = schema.rolling_windows.iter().copied().max().unwrap_or(20);
    let made: Vec<(usize, Vec<f64>)> = order
        .par_iter()
        .flat_map_iter(|rows| {
            let times: Vec<i64> = rows.iter().map(|row| times[*row]).collect();
            let values: Vec<f64> = rows.iter().map(|row| values[*row]).collect();
            let of = (0..rows.len()).map(|now| of_row(&Past::at(&times, &values, now), longest, schema));
            rows.iter().copied().zip(of.collect::<Vec<_>>())
        })
        .collect();
    let mut columns = vec![vec![f64::NAN; values.len()]; names.len()];
    for (row, features) in made {
        columns.iter_mut().zip(features).for_each(|(column, feature)| column[row] = feature);
    }
    names.iter().zip(columns).map(|(name, values)| Column::numbers(name, values)).collect()
}

fn of_row(past: &Past<'_>, longest: usize, schema: &SchemaConfig) -> Vec<f64> {
    let mut features: Vec<f64> = schema.lag_seconds.iter().map(|seconds| past.lag(*seconds)).collect();
    features.extend(schema.rolling_windows.iter().flat_map(|rows| past.rolling(*rows)));
    let z = past.robust_z(longest);
    let anomaly = if z.is_nan() { f64::NAN } else { f64::from(u8::from(z.abs() > ANOMALY)) };
    features.extend([past.rate(), past.acceleration(), z, anomaly, past.since_rise()]);
    features
}

fn names(name: &str, schema: &SchemaConfig) -> Vec<String> {
    let lags = schema.lag_seconds.iter().map(|seconds| format!("{name}_lag_{seconds}s"));
    let rolling = schema.rolling_windows.iter().flat_map(|rows| {
        ["mean", "std", "min", "max", "median"].map(|statistic| format!("{name}_roll_{rows}_{statistic}"))
    });
    let others = ["rate", "acceleration", "robust_z", "anomaly", "since_rise"].map(|what| format!("{name}_{what}"));
    lags.chain(rolling).chain(others).collect()
}

fn crossed(inputs: &[(String, Vec<f64>)]) -> Vec<Column> {
    let inputs = &inputs[..inputs.len().min(MAX_CROSSED)];
    let pairs = inputs.iter().enumerate().flat_map(|(at, a)| inputs[at + 1..].iter().map(move |b| (a, b)));
    pairs
        .map(|((a, x), (b, y))| {
            Column::numbers(&format!("{a}_times_{b}"), x.iter().zip(y).map(|(x, y)| x * y).collect())
        })
        .collect()
}
