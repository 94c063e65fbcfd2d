//! The rows of a sheet, as lines of CSV on which they stand.

use std::io::{Read, Seek};

use super::SheetError;
use super::dates::moment;
use super::parts::Workbook;
use super::xml::{Part, Piece};
use super::zip::Archive;
use crate::read::{Limits, ReadError};
use crate::table::show_moment;

/// Rows and columns of a sheet, at most, by the format itself.
const MAX_ROW: u64 = 1_048_576;
const MAX_COLUMN: usize = 16_384;

/// The first sheet as CSV. Row 7 is line 7.
pub(super) fn to_csv(from: impl Read + Seek, limits: &Limits) -> Result<Vec<u8>, ReadError> {
    let mut archive = Archive::open(from)?;
    let workbook = Workbook::read(&mut archive, limits)?;
    let bytes = archive.entry(&workbook.sheet)?.ok_or(SheetError::NoWorkbook { part: "a sheet" })?;
    let mut part = Part::new(bytes, "the sheet", limits.max_bytes);
    let mut lines = Lines { csv: Vec::new(), line: 1, width: None, rows: 0 };
    let (mut row, mut cells, mut cell) = (0_u64, Vec::new(), Cell::default());
    loop {
        let piece = part.next()?;
        match &piece {
            Piece::Open(name, _) => match name.as_str() {
                "row" => {
                    let said = piece.attribute("r").map(str::parse);
                    row = said.transpose().map_err(|_| damaged("a row has no number"))?.unwrap_or(row + 1);
                    if !(lines.line..=MAX_ROW).contains(&row) {
                        return Err(damaged("its rows are in no order"));
                    }
                    cells.clear();
                }
                "c" => cell = Cell::of(&piece, cells.len())?,
                "v" | "t" => cell.inside = !cell.phonetic,
                "rPh" => cell.phonetic = true,
                _ => {}
            },
            Piece::Text(text) if cell.inside => cell.text.push_str(text),
            Piece::Close(name) => match name.as_str() {
                "v" | "t" => cell.inside = false,
                "rPh" => cell.phonetic = false,
                "c" => {
                    let Cell { column, .. } = cell;
                    if column >= cells.len() {
                        cells.resize(column + 1, String::new());
                    }
                    cells[column] = std::mem::take(&mut cell).shown(&workbook);
                }
                "row" => {
                    lines.put(row, &mut cells, limits)?;
                    part.mark();
                }
                "sheetData" => break,
                _ => {}
            },
            Piece::End => break,
            Piece::Text(_) => {}
        }
    }
    Ok(lines.csv)
}

fn damaged(what: &'static str) -> ReadError {
    SheetError::Damaged { what }.into()
}

/// A cell as it stands in the sheet.
#[derive(Debug, Default)]
struct Cell {
    column: usize,
    kind: String,
    style: usize,
    text: String,
    inside: bool,
    phonetic: bool,
}

impl Cell {
    /// `next` is the column of a cell that does not say its own.
    fn of(piece: &Piece, next: usize) -> Result<Self, ReadError> {
        let column = match piece.attribute("r") {
            None => next,
            Some(name) => column(name).ok_or_else(|| damaged("a cell has no place"))?,
        };
        if column >= MAX_COLUMN {
            return Err(damaged("a cell lies beyond the last column"));
        }
        let style = piece.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(usize::MAX);
        Ok(Self { column, style, kind: piece.attribute("t").unwrap_or("n").to_owned(), ..Self::default() })
    }

    /// What a person sees, but for the format of numbers.
    fn shown(self, workbook: &Workbook) -> String {
        match self.kind.as_str() {
            "s" => {
                let place = self.text.trim().parse::<usize>().ok();
                place.and_then(|place| workbook.strings.get(place)).cloned().unwrap_or_default()
            }
            "b" => if self.text.trim() == "1" { "true" } else { "false" }.to_owned(),
            // A formula that failed has no value.
            "e" => String::new(),
            "n" if workbook.dates.contains(&self.style) => {
                let days = self.text.trim().parse::<f64>().ok();
                let at = days.and_then(|days| moment(days, workbook.from_1904));
                at.map_or(self.text, show_moment)
            }
            _ => self.text,
        }
    }
}

/// `AB12` is column 27.
fn column(name: &str) -> Option<usize> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase());
    let mut number = 0_usize;
    for letter in letters.take(4) {
        number = number * 26 + usize::from(letter - b'A') + 1;
    }
    number.checked_sub(1)
}

/// Lines of CSV.
struct Lines {
    csv: Vec<u8>,
    /// The line that comes next.
    line: u64,
    /// Columns of the header.
    width: Option<usize>,
    rows: usize,
}

impl Lines {
    fn put(&mut self, row: u64, cells: &mut Vec<String>, limits: &Limits) -> Result<(), ReadError> {
        while cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        // Rows that are only formatted.
        if cells.is_empty() {
            return Ok(());
        }
        let width = *self.width.get_or_insert(cells.len());
        if width > limits.max_columns {
            return Err(ReadError::TooManyColumns { found: width, limit: limits.max_columns });
        }
        if self.rows > limits.max_rows {
            return Err(ReadError::TooManyRows { limit: limits.max_rows });
        }
        self.rows += 1;
        cells.resize(width.max(cells.len()), String::new());
        for _ in self.line..row {
            self.csv.push(b'\n');
        }
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.csv.push(b',');
            }
            // Quoted always: a line of one empty cell is a line, too.
            self.csv.push(b'"');
            for byte in cell.bytes() {
                match byte {
                    b'"' => self.csv.extend(b"\"\""),
                    b'\n' | b'\r' => self.csv.push(b' '),
                    byte => self.csv.push(byte),
                }
            }
            self.csv.push(b'"');
        }
        self.csv.push(b'\n');
        self.line = row + 1;
        // Strings are shared: a small file can show a long one very often.
        if self.csv.len() as u64 > limits.max_bytes {
            return Err(ReadError::TooManyBytes { limit: limits.max_bytes });
        }
        Ok(())
    }
}
