//! From cells to typed columns: the narrowest type that holds every value.

use super::cells::RawColumn;
use crate::table::{Categories, Column, Kind, Numbers, Values, parse_moment};

/// Whole numbers beyond this are not exact as 64-bit floats: they are identifiers, and stay text.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decimal {
    Point,
    /// A comma where a number has one, as spreadsheets write in much of Europe.
    Comma,
}

/// A typed column, with the rows whose cells are not of the type that was asked for.
pub(super) struct Typed {
    pub(super) column: Column,
    pub(super) infinite: u64,
    pub(super) unfit: Vec<usize>,
}

/// The column of these cells: of the type `wanted`, or of the narrowest that holds them all.
pub(super) fn typed(name: String, raw: &RawColumn, wanted: Option<Kind>, decimal: Decimal) -> Typed {
    let kind = wanted.unwrap_or_else(|| narrowest(raw, decimal));
    let mut infinite = 0;
    let mut unfit = Vec::new();
    let mut check = |row: usize, cell: Option<&str>, fits: bool| {
        if cell.is_some() && !fits {
            unfit.push(row);
        }
    };
    let rows = raw.cells().enumerate();
    let values = match kind {
        Kind::Number => {
            let mut whole = true;
            let mut values = Vec::with_capacity(raw.len());
            for (row, cell) in rows {
                let number = cell.and_then(|cell| number(cell, decimal));
                check(row, cell, number.is_some());
                let value = number.map_or(f64::NAN, |number| {
                    whole &= number.whole;
                    number.value
                });
                infinite += u64::from(value.is_infinite());
                values.push(if value.is_finite() { value } else { f64::NAN });
            }
            Values::Number(Numbers { values, whole })
        }
        Kind::Flag => Values::Flag(
            rows.map(|(row, cell)| {
                let flag = cell.and_then(flag);
                check(row, cell, flag.is_some());
                flag
            })
            .collect(),
        ),
        Kind::Time => Values::Time(
            rows.map(|(row, cell)| {
                let moment = cell.and_then(parse_moment);
                check(row, cell, moment.is_some());
                moment
            })
            .collect(),
        ),
        Kind::Text => Values::Text(Categories::of(raw.cells())),
    };
    Typed { column: Column { name, values }, infinite, unfit }
}

fn narrowest(raw: &RawColumn, decimal: Decimal) -> Kind {
    let all = |fits: &dyn Fn(&str) -> bool| raw.cells().flatten().all(fits);
    // A column without any value is one of numbers, as in pandas.
    if all(&|cell| number(cell, decimal).is_some()) {
        Kind::Number
    } else if all(&|cell| flag(cell).is_some()) {
        Kind::Flag
    } else if all(&|cell| parse_moment(cell).is_some()) {
        Kind::Time
    } else {
        Kind::Text
    }
}

fn flag(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

struct Number {
    value: f64,
    whole: bool,
}

/// A number, if the cell is one and no code that only looks like one: `007` and whole numbers of twenty digits are codes.
fn number(cell: &str, decimal: Decimal) -> Option<Number> {
    let unsigned = cell.trim_start_matches(['-', '+']);
    let bytes = unsigned.as_bytes();
    let [first, ..] = bytes else { return None };
    if cell.len() - unsigned.len() > 1 {
        return None;
    }
    if !first.is_ascii_digit() && *first != b'.' && *first != b',' {
        let infinite = ["inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
        return infinite.then_some(Number { value: f64::INFINITY, whole: false });
    }
    if bytes.len() > 1 && bytes[0] == b'0' && bytes[1].is_ascii_digit() {
        return None;
    }
    let value: f64 = match decimal {
        Decimal::Comma if cell.contains('.') => return None,
        Decimal::Comma => cell.replacen(',', ".", 1).parse().ok()?,
        Decimal::Point => cell.parse().ok()?,
    };
    let whole = bytes.iter().all(u8::is_ascii_digit);
    if whole && value.abs() > EXACT { None } else { Some(Number { value, whole }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: &[&str], decimal: Decimal) -> Column {
        let mut raw = RawColumn::default();
        cells.iter().for_each(|cell| raw.push(cell));
        typed("c".to_owned(), &raw, None, decimal).column
    }

    #[test]
    fn columns_have_the_narrowest_type() {
        for (cells, dtype) in [
            (&["1", "2", "-3"][..], "int64"),
            (&["1", "", "3"], "float64"),
            (&["1", "2.0"], "float64"),
            (&["1e3", "nan"], "float64"),
            (&["", ""], "float64"),
            (&["true", "False"], "bool"),
            (&["true", ""], "object"),
            (&["2026-11-30", "NA"], "datetime64[ns, UTC]"),
            (&["007", "12"], "object"),
            (&["12345678901234567890", "1"], "object"),
            (&["--1"], "object"),
            (&["1", "a"], "object"),
            (&["1,5", "2"], "object"),
            (&["=1+1", "x'; DROP TABLE y"], "object"),
        ] {
            assert_eq!(column(cells, Decimal::Point).dtype(), dtype, "{cells:?}");
        }
        assert_eq!(column(&["1,5", "2"], Decimal::Comma), Column::numbers("c", vec![1.5, 2.0]));
    }
}
