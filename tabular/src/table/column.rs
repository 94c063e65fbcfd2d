//! One column: its name and its values, all of one type.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::show_moment;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers.
    Number,
    /// True or false.
    Flag,
    /// Moments.
    Time,
    /// Words.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "numbers",
            Self::Flag => "true or false",
            Self::Time => "times",
            Self::Text => "text",
        })
    }
}

/// Numbers as 64-bit floats. Missing is NaN; infinities do not occur.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The values.
    pub values: Vec<f64>,
    /// Whether all are whole numbers, written as such.
    pub whole: bool,
}

/// Words, each stored once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Categories {
    /// Place in `names` of each row; [`Categories::MISSING`] where there is none.
    pub codes: Vec<u32>,
    /// The different words, in order of first appearance.
    pub names: Vec<String>,
}

impl Categories {
    /// The code of what is missing.
    pub const MISSING: u32 = u32::MAX;

    /// The categories of these words.
    pub fn of<'a>(words: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut names = Vec::new();
        let codes = words
            .into_iter()
            .map(|word| {
                let Some(word) = word else { return Self::MISSING };
                *known.entry(word).or_insert_with(|| {
                    names.push(word.to_owned());
                    (names.len() - 1) as u32
                })
            })
            .collect();
        Self { codes, names }
    }

    /// The word of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        self.names.get(self.codes[row] as usize).map(String::as_str)
    }
}

/// Values of one type. Every type has a missing value.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; missing is NaN.
    Number(Numbers),
    /// True or false.
    Flag(Vec<Option<bool>>),
    /// Microseconds since 1970 in UTC.
    Time(Vec<Option<i64>>),
    /// Words.
    Text(Categories),
}

/// A named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, unique in a table.
    pub name: String,
    /// What it holds.
    pub values: Values,
}

impl Column {
    /// A column of numbers, NaN where one is missing. Infinities become missing, too.
    #[must_use]
    pub fn numbers(name: &str, mut values: Vec<f64>) -> Self {
        values.iter_mut().filter(|value| value.is_infinite()).for_each(|value| *value = f64::NAN);
        let whole = values.iter().all(|value| value.is_nan() || value.fract() == 0.0);
        Self { name: name.to_owned(), values: Values::Number(Numbers { values, whole }) }
    }

    /// A column of words.
    #[must_use]
    pub fn text(name: &str, words: &[&str]) -> Self {
        let values = Values::Text(Categories::of(words.iter().map(|word| Some(*word))));
        Self { name: name.to_owned(), values }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Number(numbers) => numbers.values.len(),
            Values::Flag(flags) => flags.len(),
            Values::Time(times) => times.len(),
            Values::Text(words) => words.codes.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.values {
            Values::Number(_) => Kind::Number,
            Values::Flag(_) => Kind::Flag,
            Values::Time(_) => Kind::Time,
            Values::Text(_) => Kind::Text,
        }
    }

    /// What pandas calls the type of such a column.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match &self.values {
            Values::Number(numbers) if numbers.whole && self.missing() == 0 => "int64",
            Values::Number(_) => "float64",
            Values::Flag(_) if self.missing() == 0 => "bool",
            Values::Time(_) => "datetime64[ns, UTC]",
            Values::Flag(_) | Values::Text(_) => "object",
        }
    }

    /// Whether the value of a row is missing.
    ///
    /// # Panics
    /// When the row lies beyond the last.
    #[must_use]
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.values {
            Values::Number(numbers) => numbers.values[row].is_nan(),
            Values::Flag(flags) => flags[row].is_none(),
            Values::Time(times) => times[row].is_none(),
            Values::Text(words) => words.codes[row] == Categories::MISSING,
        }
    }

    /// How many values are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        (0..self.len()).filter(|row| self.is_missing(*row)).count()
    }

    /// The values of these rows.
    ///
    /// # Panics
    /// When a row lies beyond the last.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let values = match &self.values {
            Values::Number(numbers) => Values::Number(Numbers {
                values: rows.iter().map(|row| numbers.values[*row]).collect(),
                whole: numbers.whole,
            }),
            Values::Flag(flags) => Values::Flag(rows.iter().map(|row| flags[*row]).collect()),
            Values::Time(times) => Values::Time(rows.iter().map(|row| times[*row]).collect()),
            Values::Text(words) => Values::Text(Categories {
                codes: rows.iter().map(|row| words.codes[*row]).collect(),
                names: words.names.clone(),
            }),
        };
        Self { name: self.name.clone(), values }
    }

    /// The value of a row as text that reads back as the same value; empty when it is missing.
    ///
    /// # Panics
    /// When the row lies beyond the last.
    #[must_use]
    pub fn show(&self, row: usize) -> String {
        match &self.values {
            Values::Number(numbers) if numbers.values[row].is_nan() => String::new(),
            Values::Number(numbers) => show_number(numbers.values[row], numbers.whole),
            Values::Flag(flags) => flags[row].map_or_else(String::new, |flag| flag.to_string()),
            Values::Time(times) => times[row].map_or_else(String::new, show_moment),
            Values::Text(words) => words.get(row).unwrap_or_default().to_owned(),
        }
    }
}

/// A number as it is written: whole numbers without a point where their column has none.
#[must_use]
pub(crate) fn show_number(value: f64, whole: bool) -> String {
    if whole { format!("{value:.0}") } else { format!("{value:?}") }
}
