//! The column that is to be told.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::samples::Target;
use crate::split::keys;
use crate::table::{Kind, Table, TableError, Values};

/// Classes that a target may have.
const MAX_CLASSES: usize = 1_000;

/// Names of classes, in order: numbers by size, words by letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Classes(pub Vec<String>);

/// A target that nothing can be learned of.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No such column, or one of another type.
    #[error(transparent)]
    Table(#[from] TableError),
    /// All rows are alike.
    #[error("column {column:?} has one class, {class:?}: there is nothing to tell apart")]
    OneClass {
        /// The column.
        column: String,
        /// The class.
        class: String,
    },
    /// Too many classes: most often a number, or an identifier.
    #[error(
        "column {column:?} has {found} different values, more than the {MAX_CLASSES} classes that are allowed; is it a number to be predicted?"
    )]
    TooManyClasses {
        /// The column.
        column: String,
        /// Different values.
        found: usize,
    },
    /// As many classes as rows.
    #[error("column {column:?} has {classes} classes in {rows} rows: each needs two rows or more")]
    FewRows {
        /// The column.
        column: String,
        /// Classes.
        classes: usize,
        /// Rows.
        rows: usize,
    },
    /// No row has a value.
    #[error("column {column:?} has no values")]
    NoValues {
        /// The column.
        column: String,
    },
}

/// The classes of a column and the rows that have one.
///
/// # Errors
/// When there is one class, or too many.
pub fn class_target(table: &Table, name: &str) -> Result<(Classes, Target, Vec<usize>), TargetError> {
    let (rows, known) = with_value(table, name)?;
    let column = known.column(name)?;
    let of = keys(column);
    let count = of.iter().max().map_or(0, |last| last + 1);
    let column_name = || name.to_owned();
    if count > MAX_CLASSES {
        return Err(TargetError::TooManyClasses { column: column_name(), found: count });
    }
    let mut names = vec![String::new(); count];
    of.iter().enumerate().for_each(|(row, class)| {
        if names[*class].is_empty() {
            names[*class] = column.show(row);
        }
    });
    if count == 1 {
        return Err(TargetError::OneClass { column: column_name(), class: names.swap_remove(0) });
    }
    if count * 2 > rows.len() {
        return Err(TargetError::FewRows { column: column_name(), classes: count, rows: rows.len() });
    }
    Ok((Classes(names), Target::Classes { of, count }, rows))
}

/// The numbers of a column and the rows that have one.
///
/// # Errors
/// When it holds no numbers.
pub fn value_target(table: &Table, name: &str) -> Result<(Target, Vec<usize>), TargetError> {
    let column = table.column(name)?;
    if !matches!(column.values, Values::Number(_)) {
        let (name, found) = (name.to_owned(), column.kind());
        return Err(TableError::WrongKind { name, found, needed: Kind::Number }.into());
    }
    let (rows, known) = with_value(table, name)?;
    let Values::Number(numbers) = &known.column(name)?.values else { unreachable!("it was looked at before") };
    Ok((Target::Values(numbers.values.clone()), rows))
}

fn with_value(table: &Table, name: &str) -> Result<(Vec<usize>, Table), TargetError> {
    let column = table.column(name)?;
    let rows: Vec<usize> = (0..table.rows()).filter(|row| !column.is_missing(*row)).collect();
    if rows.is_empty() {
        return Err(TargetError::NoValues { column: name.to_owned() });
    }
    let known = Table::new(vec![column.take(&rows)])?;
    Ok((rows, known))
}
