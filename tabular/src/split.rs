//! Rows to parts: at random, by class, by group, or by time.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Random;

use crate::stats::{ascending, quantile};
use crate::table::{Column, Table, TableError, Values};

/// How rows are divided.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SplitMethod {
    /// By chance.
    #[default]
    Random,
    /// By chance, with every class (or tenth of the range, of a number with many values) in the same ratio in all parts.
    Stratified {
        /// The column with the classes.
        by: String,
    },
    /// Rows with one value of a column stay together.
    Grouped {
        /// The column.
        by: String,
    },
    /// The latest rows are for testing, those before them for validation. Rows of one moment stay together.
    Time {
        /// The column with the moments; numbers are moments, too.
        by: String,
    },
}

/// How to split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitOptions {
    /// Fraction of rows for testing, 0 to 1.
    pub test_size: f64,
    /// Fraction of all rows for validation, 0 to 1.
    pub validation_size: f64,
    /// How rows are divided.
    pub method: SplitMethod,
    /// Another seed, another split.
    pub seed: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { test_size: 0.2, validation_size: 0.1, method: SplitMethod::default(), seed: 42 }
    }
}

/// Places of the rows of each part, ascending. Every row is in one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To choose by.
    pub validation: Vec<usize>,
    /// To judge by, once.
    pub test: Vec<usize>,
}

/// A split that cannot be.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SplitError {
    /// Fractions that leave nothing to learn from.
    #[error("test_size {test} and validation_size {validation} must be 0 or more and below 1 together")]
    Sizes {
        /// Fraction for testing.
        test: f64,
        /// Fraction for validation.
        validation: f64,
    },
    /// Too few rows, classes or groups: a part that was asked for would be empty.
    #[error("{rows} rows in {groups} groups cannot fill all parts: the {part} part would be empty")]
    EmptyPart {
        /// Rows of the table.
        rows: usize,
        /// What stays together: rows, or groups of them.
        groups: usize,
        /// Which part.
        part: &'static str,
    },
    /// Rows without a value in the column to split by.
    #[error("{missing} rows have no value in column {column:?}: clean them or split by another column")]
    Missing {
        /// The column.
        column: String,
        /// Rows without a value.
        missing: usize,
    },
    /// No such column.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Divides the rows of a table.
///
/// # Errors
/// When a fraction or column makes no sense, or a part that was asked for would be empty.
pub fn split(table: &Table, options: &SplitOptions) -> Result<Split, SplitError> {
    let (test, validation) = (options.test_size, options.validation_size);
    let is_fraction = |fraction: f64| (0.0..1.0).contains(&fraction);
    if !is_fraction(test) || !is_fraction(validation) || !(test + validation < 1.0) {
        return Err(SplitError::Sizes { test, validation });
    }
    let mut random = Random::named(options.seed, "split");
    let rows = table.rows();
    let sizes = Sizes::of(rows, test, validation);
    let (mut split, groups) = match &options.method {
        SplitMethod::Random => {
            let mut all: Vec<usize> = (0..rows).collect();
            shuffle(&mut all, &mut random);
            (sizes.cut(&all), rows)
        }
        SplitMethod::Stratified { by } => {
            let keys = strata(present(table, by)?);
            let groups = keys.iter().max().map_or(0, |last| last + 1);
            (stratified(&keys, (test, validation), &mut random), groups)
        }
        SplitMethod::Grouped { by } => {
            let keys = keys(present(table, by)?);
            let groups = keys.iter().max().map_or(0, |last| last + 1);
            (grouped(&keys, groups, sizes, &mut random), groups)
        }
        SplitMethod::Time { by } => (by_time(present(table, by)?, sizes), rows),
    };
    for (part, rows_of, wanted) in
        [("train", &split.train, 1.0), ("validation", &split.validation, validation), ("test", &split.test, test)]
    {
        if rows_of.is_empty() && wanted > 0.0 {
            return Err(SplitError::EmptyPart { rows, groups, part });
        }
    }
    [&mut split.train, &mut split.validation, &mut split.test].into_iter().for_each(|part| part.sort_unstable());
    Ok(split)
}

/// Rows of each part.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    validation: usize,
    test: usize,
}

impl Sizes {
    /// Rounded up, as scikit-learn's test part is, as far as one row is left to learn from.
    fn of(rows: usize, test: f64, validation: f64) -> Self {
        // A part in a thousand million is a rounding error of the fraction, not a row.
        let up = |fraction: f64| (fraction * rows as f64 - 1e-9).ceil().max(0.0) as usize;
        let test = up(test).min(rows.saturating_sub(1));
        Self { test, validation: up(validation).min(rows.saturating_sub(1 + test)) }
    }

    fn cut(self, ordered: &[usize]) -> Split {
        let (test, rest) = ordered.split_at(self.test.min(ordered.len()));
        let (validation, train) = rest.split_at(self.validation.min(rest.len()));
        Split { train: train.to_vec(), validation: validation.to_vec(), test: test.to_vec() }
    }
}

/// Fisher and Yates' shuffle.
pub(crate) fn shuffle<T>(values: &mut [T], random: &mut Random) {
    for at in (1..values.len()).rev() {
        values.swap(at, random.below(at + 1));
    }
}

fn present<'a>(table: &'a Table, name: &str) -> Result<&'a Column, SplitError> {
    let column = table.column(name)?;
    match column.missing() {
        0 => Ok(column),
        missing => Err(SplitError::Missing { column: name.to_owned(), missing }),
    }
}

/// A number from 0 for each different value, in order of the values' text or size.
pub(crate) fn keys(column: &Column) -> Vec<usize> {
    fn dense<T: Clone>(values: &[T], order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<usize> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(&order);
        sorted.dedup_by(|a, b| order(a, b).is_eq());
        values.iter().map(|value| sorted.partition_point(|other| order(other, value).is_lt())).collect()
    }
    match &column.values {
        Values::Number(numbers) => dense(&numbers.values, f64::total_cmp),
        Values::Flag(flags) => dense(flags, Ord::cmp),
        Values::Time(times) => dense(times, Ord::cmp),
        Values::Text(words) => dense(&(0..words.codes.len()).map(|row| words.get(row)).collect::<Vec<_>>(), Ord::cmp),
    }
}

/// Classes, or tenths of the range of a number that has more than fifty values.
fn strata(column: &Column) -> Vec<usize> {
    const MAX_CLASSES: usize = 50;
    let keys = keys(column);
    let Values::Number(numbers) = &column.values else { return keys };
    if keys.iter().max().is_none_or(|last| *last < MAX_CLASSES) {
        return keys;
    }
    let sorted = ascending(numbers.values.iter().copied());
    let edges: Vec<f64> = (1..10).map(|tenth| quantile(&sorted, f64::from(tenth) / 10.0)).collect();
    numbers.values.iter().map(|value| edges.partition_point(|edge| edge < value)).collect()
}

/// Every class in the same ratio. What its rows do not divide into goes where most is owed over all classes so far.
fn stratified(keys: &[usize], (test, validation): (f64, f64), random: &mut Random) -> Split {
    let mut rows: Vec<usize> = (0..keys.len()).collect();
    shuffle(&mut rows, random);
    rows.sort_by_key(|row| keys[*row]);
    let wanted = [1.0 - test - validation, validation, test];
    let mut parts: [Vec<usize>; 3] = Default::default();
    let mut seen = 0.0;
    for class in rows.chunk_by(|a, b| keys[*a] == keys[*b]) {
        let whole = wanted.map(|fraction| (fraction * class.len() as f64 + 1e-9).floor() as usize);
        let mut left = class;
        for (part, count) in parts.iter_mut().zip(whole) {
            let (mine, rest) = left.split_at(count);
            part.extend(mine);
            left = rest;
        }
        seen += class.len() as f64;
        // There are fewer rows left than parts: no part gets two of them.
        let owed = |part: &usize| wanted[*part] * seen - parts[*part].len() as f64;
        let mut order: Vec<usize> = (0..3).filter(|part| wanted[*part] > 0.0).collect();
        order.sort_by(|a, b| owed(b).total_cmp(&owed(a)));
        left.iter().zip(order.into_iter().cycle()).for_each(|(row, part)| parts[part].push(*row));
    }
    let [train, validation, test] = parts;
    Split { train, validation, test }
}

/// Whole groups, in random order, the test part first.
fn grouped(keys: &[usize], groups: usize, sizes: Sizes, random: &mut Random) -> Split {
    let mut members = vec![Vec::new(); groups];
    keys.iter().enumerate().for_each(|(row, key)| members[*key].push(row));
    shuffle(&mut members, random);
    let mut split = Split { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
    for (at, group) in members.into_iter().enumerate() {
        let last = at + 1 == groups;
        // A group goes where at least half of it is still wanted; the last one is learned from if nothing else is.
        let fits = |part: &Vec<usize>, size: usize| part.len() + group.len().div_ceil(2) <= size;
        if last && split.train.is_empty() {
            split.train.extend(group);
        } else if sizes.test > 0 && (split.test.is_empty() || fits(&split.test, sizes.test)) {
            split.test.extend(group);
        } else if sizes.validation > 0 && (split.validation.is_empty() || fits(&split.validation, sizes.validation)) {
            split.validation.extend(group);
        } else {
            split.train.extend(group);
        }
    }
    split
}

fn by_time(column: &Column, sizes: Sizes) -> Split {
    let moments = keys(column);
    let mut rows: Vec<usize> = (0..moments.len()).collect();
    rows.sort_by_key(|row| moments[*row]);
    // A boundary within one moment moves to its end: what is tested on lies strictly after what was learned from.
    let after = |at: usize| {
        let mut at = at;
        while at > 0 && at < rows.len() && moments[rows[at]] == moments[rows[at - 1]] {
            at += 1;
        }
        at
    };
    let test = after(rows.len() - sizes.test);
    let validation = after(rows.len() - sizes.test - sizes.validation).min(test);
    Split {
        train: rows[..validation].to_vec(),
        validation: rows[validation..test].to_vec(),
        test: rows[test..].to_vec(),
    }
}
