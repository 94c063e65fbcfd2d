//! Rows as clients send them, to the table that a model asks for.

use serde_json::{Map, Value};
use tabular::TrainedModel;
use tabular::table::{Categories, Column, Kind, Numbers, Table, Values, parse_moment};
use thiserror::Error;

/// Rows that do not fit a model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowsError {
    /// No rows.
    #[error("there are no rows: features is one object, or an array of them")]
    None,
    /// More rows than may be asked at once.
    #[error("there are {found} rows; {limit} may be asked at once")]
    TooMany {
        /// Rows.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// A row without columns that the model learned from.
    #[error("row {row} lacks {}; what is not known is null", columns.join(", "))]
    Missing {
        /// Which row, from 1.
        row: usize,
        /// The columns that are not there.
        columns: Vec<String>,
    },
    /// A value of another type.
    #[error("row {row}: {column:?} is {found}, but the model learned from {needed}{}", hint(*needed))]
    Kind {
        /// Which row, from 1.
        row: usize,
        /// Which column.
        column: String,
        /// What it is.
        found: &'static str,
        /// What it must be.
        needed: Kind,
    },
}

fn hint(needed: Kind) -> &'static str {
    match needed {
        Kind::Time => " such as \"2026-11-30T09:30:00Z\"",
        Kind::Number | Kind::Flag | Kind::Text => "",
    }
}

/// The columns that a model asks for, in order, each with what it must hold.
fn asked(model: &TrainedModel) -> Vec<(&str, Kind)> {
    let mut columns: Vec<(&str, Kind)> = Vec::new();
    for feature in &model.preparation.features {
        // Features of one column lie together.
        if columns.last().is_none_or(|(name, _)| *name != feature.column) {
            columns.push((&feature.column, feature.kind));
        }
    }
    columns
}

/// The table of rows. Members that the model does not ask for are left aside.
pub(crate) fn table(model: &TrainedModel, rows: &[Map<String, Value>]) -> Result<Table, RowsError> {
    let asked = asked(model);
    for (at, row) in rows.iter().enumerate() {
        let missing = asked.iter().filter(|(name, _)| !row.contains_key(*name)).map(|(name, _)| format!("{name:?}"));
        let columns: Vec<String> = missing.take(20).collect();
        if !columns.is_empty() {
            return Err(RowsError::Missing { row: at + 1, columns });
        }
    }
    let columns = asked.into_iter().map(|(name, kind)| column(name, kind, rows)).collect::<Result<Vec<_>, _>>()?;
    Ok(Table::new(columns).expect("each column once, with a value of each row"))
}

fn column(name: &str, kind: Kind, rows: &[Map<String, Value>]) -> Result<Column, RowsError> {
    let wrong = |row: usize, value: &Value| RowsError::Kind {
        row: row + 1,
        column: name.to_owned(),
        found: named(value),
        needed: kind,
    };
    // `None` is missing.
    fn each<'a, T>(
        name: &str,
        rows: &'a [Map<String, Value>],
        wrong: impl Fn(usize, &Value) -> RowsError,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Vec<Option<T>>, RowsError> {
        let value = |(at, row): (usize, &'a Map<String, Value>)| match row.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| wrong(at, value)),
        };
        rows.iter().enumerate().map(value).collect()
    }
    let values = match kind {
        Kind::Number => {
            let numbers = each(name, rows, wrong, |value| value.as_f64().filter(|number| number.is_finite()))?;
            let values = numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect();
            Values::Number(Numbers { values, whole: false })
        }
        Kind::Flag => Values::Flag(each(name, rows, wrong, Value::as_bool)?),
        Kind::Time => Values::Time(each(name, rows, wrong, |value| parse_moment(value.as_str()?.trim()))?),
        Kind::Text => {
            let words = each(name, rows, wrong, |value| Some(value.as_str()?.trim()))?;
            Values::Text(Categories::of(words.into_iter().map(|word| word.filter(|word| !word.is_empty()))))
        }
    };
    Ok(Column { name: name.to_owned(), values })
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
