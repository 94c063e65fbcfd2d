//! Missing values and outliers: a plan is learned from one table and applied to it or to others.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::stats::{ascending, mean, quantile, variance};
use crate::table::{Categories, Column, Numbers, Table, Values};

/// What becomes of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingStrategy {
    /// The mean of the column; other columns than numbers get their most frequent value.
    #[default]
    Mean,
    /// The median of the column; other columns than numbers get their most frequent value.
    Median,
    /// The most frequent value; of several the smallest.
    Mode,
    /// Rows with a missing value go.
    Drop,
    /// The value before. What is missing at the beginning stays missing.
    ForwardFill,
    /// The value after. What is missing at the end stays missing.
    BackwardFill,
}

/// What is an outlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierMethod {
    /// Beyond `threshold` interquartile ranges below the lower or above the upper quartile (Tukey 1977).
    Iqr,
    /// More than `threshold` standard deviations (of the whole population) from the mean.
    Zscore,
    /// Nothing.
    #[default]
    None,
}

/// How to clean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CleanOptions {
    /// What becomes of missing values.
    pub missing_strategy: MissingStrategy,
    /// What is an outlier: its row goes.
    pub outlier_method: OutlierMethod,
    /// How far out, in the unit of the method.
    pub outlier_threshold: f64,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self {
            missing_strategy: MissingStrategy::default(),
            outlier_method: OutlierMethod::default(),
            outlier_threshold: 3.0,
        }
    }
}

/// Options that make no sense.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CleanError {
    /// A threshold that is no positive number.
    #[error("outlier_threshold is {0}, but it must be a positive number")]
    Threshold(f64),
    /// Nothing would be left.
    #[error("no row of {rows} would be left")]
    NothingLeft {
        /// Rows before.
        rows: usize,
    },
}

/// What was learned of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Learned {
    name: String,
    fill: Option<Fill>,
    range: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fill {
    Number(f64),
    Flag(bool),
    Time(i64),
    Text(String),
}

/// What to do with a table, learned from one: fill values and ranges of its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CleanPlan {
    strategy: MissingStrategy,
    columns: Vec<Learned>,
}

impl CleanPlan {
    /// Learns from a table.
    ///
    /// # Errors
    /// When the threshold is no positive number.
    pub fn learn(table: &Table, options: &CleanOptions) -> Result<Self, CleanError> {
        let threshold = options.outlier_threshold;
        if options.outlier_method != OutlierMethod::None && !(threshold > 0.0 && threshold.is_finite()) {
            return Err(CleanError::Threshold(threshold));
        }
        let columns = table.columns().iter().map(|column| Learned {
            name: column.name.clone(),
            fill: fill(column, options.missing_strategy),
            range: match &column.values {
                Values::Number(numbers) => range(&numbers.values, options),
                _ => None,
            },
        });
        Ok(Self { strategy: options.missing_strategy, columns: columns.collect() })
    }

    /// The table without outliers, its missing values filled. Outliers go first: what is filled in is none. Columns that the plan does
    /// not know stay as they are.
    ///
    /// # Errors
    /// When no row would be left.
    pub fn apply(&self, table: &Table) -> Result<Table, CleanError> {
        let learned = |column: &Column| self.columns.iter().find(|learned| learned.name == column.name);
        let mut keep = vec![true; table.rows()];
        for column in table.columns() {
            if let (Values::Number(numbers), Some((low, high))) =
                (&column.values, learned(column).and_then(|learned| learned.range))
            {
                keep.iter_mut()
                    .zip(&numbers.values)
                    .for_each(|(keep, value)| *keep &= !(*value < low || *value > high));
            }
            if self.strategy == MissingStrategy::Drop {
                keep.iter_mut().enumerate().for_each(|(row, keep)| *keep = *keep && !column.is_missing(row));
            }
        }
        let rows: Vec<usize> = (0..table.rows()).filter(|row| keep[*row]).collect();
        if rows.is_empty() && table.rows() > 0 {
            return Err(CleanError::NothingLeft { rows: table.rows() });
        }
        let mut columns = table.take(&rows).columns().to_vec();
        for column in &mut columns {
            match self.strategy {
                MissingStrategy::Drop => {}
                MissingStrategy::ForwardFill => carry(column, false),
                MissingStrategy::BackwardFill => carry(column, true),
                _ => put(column, learned(column).and_then(|learned| learned.fill.as_ref())),
            }
        }
        Ok(Table::new(columns).expect("the columns were a table before"))
    }
}

/// Learns from a table and cleans it.
///
/// # Errors
/// As [`CleanPlan::learn`] and [`CleanPlan::apply`].
pub fn clean(table: &Table, options: &CleanOptions) -> Result<Table, CleanError> {
    CleanPlan::learn(table, options)?.apply(table)
}

fn range(values: &[f64], options: &CleanOptions) -> Option<(f64, f64)> {
    let sorted = ascending(values.iter().copied());
    let threshold = options.outlier_threshold;
    let (low, high) = match options.outlier_method {
        OutlierMethod::None => return None,
        OutlierMethod::Iqr => {
            let (lower, upper) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
            (lower - threshold * (upper - lower), upper + threshold * (upper - lower))
        }
        OutlierMethod::Zscore => {
            let (mean, std) = (mean(&sorted), variance(&sorted, 0).sqrt());
            (mean - threshold * std, mean + threshold * std)
        }
    };
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

fn fill(column: &Column, strategy: MissingStrategy) -> Option<Fill> {
    if matches!(strategy, MissingStrategy::Drop | MissingStrategy::ForwardFill | MissingStrategy::BackwardFill) {
        return None;
    }
    match &column.values {
        Values::Number(numbers) => {
            let sorted = ascending(numbers.values.iter().copied());
            let value = match strategy {
                MissingStrategy::Mean => mean(&sorted),
                MissingStrategy::Median => quantile(&sorted, 0.5),
                _ => mode(&sorted, f64::total_cmp)?,
            };
            value.is_finite().then_some(Fill::Number(value))
        }
        Values::Flag(flags) => {
            let mut known: Vec<bool> = flags.iter().flatten().copied().collect();
            known.sort_unstable();
            mode(&known, Ord::cmp).map(Fill::Flag)
        }
        Values::Time(times) => {
            let mut known: Vec<i64> = times.iter().flatten().copied().collect();
            known.sort_unstable();
            mode(&known, Ord::cmp).map(Fill::Time)
        }
        Values::Text(words) => {
            let mut counts = vec![0_usize; words.names.len()];
            words
                .codes
                .iter()
                .filter(|code| **code != Categories::MISSING)
                .for_each(|code| counts[*code as usize] += 1);
            let best = (0..counts.len())
                .max_by(|a, b| counts[*a].cmp(&counts[*b]).then_with(|| words.names[*b].cmp(&words.names[*a])))?;
            (counts[best] > 0).then(|| Fill::Text(words.names[best].clone()))
        }
    }
}

/// The most frequent of ascending values; of several the first.
fn mode<T: Copy>(sorted: &[T], order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Option<T> {
    let runs = sorted.chunk_by(|a, b| order(a, b).is_eq());
    runs.fold(None, |best: Option<&[T]>, run| if best.is_some_and(|b| b.len() >= run.len()) { best } else { Some(run) })
        .map(|run| run[0])
}

fn put(column: &mut Column, fill: Option<&Fill>) {
    match (&mut column.values, fill) {
        (Values::Number(Numbers { values, whole }), Some(Fill::Number(fill))) => {
            let mut filled = false;
            values.iter_mut().filter(|value| value.is_nan()).for_each(|value| (*value, filled) = (*fill, true));
            *whole &= !filled || fill.fract() == 0.0;
        }
        (Values::Flag(flags), Some(Fill::Flag(fill))) => flags.iter_mut().for_each(|flag| *flag = flag.or(Some(*fill))),
        (Values::Time(times), Some(Fill::Time(fill))) => times.iter_mut().for_each(|time| *time = time.or(Some(*fill))),
        (Values::Text(words), Some(Fill::Text(fill))) => {
            let known = words.names.iter().position(|name| name == fill);
            let code = known.unwrap_or_else(|| {
                words.names.push(fill.clone());
                words.names.len() - 1
            }) as u32;
            words.codes.iter_mut().filter(|c| **c == Categories::MISSING).for_each(|c| *c = code);
        }
        _ => {}
    }
}

fn carry(column: &mut Column, backward: bool) {
    fn over<T: Copy>(values: &mut [T], backward: bool, missing: impl Fn(&T) -> bool) {
        let mut last: Option<T> = None;
        let mut visit = |value: &mut T| match (missing(value), last) {
            (true, Some(before)) => *value = before,
            (true, None) => {}
            (false, _) => last = Some(*value),
        };
        if backward { values.iter_mut().rev().for_each(&mut visit) } else { values.iter_mut().for_each(&mut visit) }
    }
    match &mut column.values {
        Values::Number(numbers) => over(&mut numbers.values, backward, |value| value.is_nan()),
        Values::Flag(flags) => over(flags, backward, Option::is_none),
        Values::Time(times) => over(times, backward, Option::is_none),
        Values::Text(words) => over(&mut words.codes, backward, |code| *code == Categories::MISSING),
    }
}
