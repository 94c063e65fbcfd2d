//! CSV: streamed, in any usual encoding and with any usual delimiter, quotes and line ends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

use super::bounded::{Bounded, Excess};
use super::cells::RawColumn;
use super::encoding::utf8;
use super::infer::{Decimal, Typed, typed};
use super::{BadRowReason, BadRows, ReadError, ReadOptions, Reading};
use crate::table::{Table, TableError};

/// What the CSV reader holds of the file beyond the row it is at.
const BUFFER: usize = 1 << 16;
/// Bytes of a column's name.
const MAX_NAME: usize = 256;

/// Reads a table with a header. The delimiter is the one of `,` `;` tab and `|` that the header has most of; with `;`, a decimal comma
/// is understood. Columns without a name are called `column_3`, the second of two alike `name.1`.
///
/// # Errors
/// When the file is no table or more than may be read.
pub fn read_csv(from: impl Read, options: &ReadOptions) -> Result<Reading, ReadError> {
    let limits = options.limits;
    let (head, stream) = utf8(from)?;
    let delimiter = options.delimiter.unwrap_or_else(|| delimiter(&head));
    let bounded = Bounded::new(stream, limits.max_bytes, limits.max_row_bytes + BUFFER as u64);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(BUFFER)
        .from_reader(bounded);
    let mut record = ByteRecord::new();
    if !next(&mut reader, &mut record, options)? {
        return Err(ReadError::Empty);
    }
    if record.len() > limits.max_columns {
        return Err(ReadError::TooManyColumns { found: record.len(), limit: limits.max_columns });
    }
    let names = names(&record)?;
    // The second half of a CRLF is read with the next row: the reader counts it one row late.
    let late = u64::from(ends_in_crlf(&head));
    let mut raw: Vec<RawColumn> = names.iter().map(|_| RawColumn::default()).collect();
    let mut lines: Vec<u64> = Vec::new();
    let mut bad_rows = BadRows::default();
    while next(&mut reader, &mut record, options)? {
        let line = record.position().map_or(0, csv::Position::line) + late;
        if record.len() != names.len() {
            bad_rows.push(line, BadRowReason::Fields { found: record.len(), expected: names.len() });
            continue;
        }
        let Ok(cells) = record.iter().map(str::from_utf8).collect::<Result<Vec<_>, _>>() else {
            bad_rows.push(line, BadRowReason::NotText);
            continue;
        };
        if lines.len() == limits.max_rows {
            return Err(ReadError::TooManyRows { limit: limits.max_rows });
        }
        if (lines.len() + 1).saturating_mul(names.len()) > limits.max_cells {
            return Err(ReadError::TooManyCells { rows: lines.len(), columns: names.len(), limit: limits.max_cells });
        }
        raw.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
        lines.push(line);
    }
    let decimal = if delimiter == b';' { Decimal::Comma } else { Decimal::Point };
    assemble(names, raw, &lines, bad_rows, (options, decimal))
}

/// Reads the next row; whether there was one.
fn next<R: Read>(
    reader: &mut csv::Reader<Bounded<R>>,
    record: &mut ByteRecord,
    options: &ReadOptions,
) -> Result<bool, ReadError> {
    let line = reader.position().line();
    reader.get_ref().mark();
    reader.read_byte_record(record).map_err(|error| match reader.get_ref().excess() {
        Some(Excess::File) => ReadError::TooManyBytes { limit: options.limits.max_bytes },
        Some(Excess::Row) => ReadError::RowTooLong { line, limit: options.limits.max_row_bytes },
        None => ReadError::Io(error.into()),
    })
}

/// The delimiter of the first line: the candidate that it has most of, outside quotes.
fn delimiter(head: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => counts.iter_mut().filter(|(d, _)| d == byte).for_each(|(_, count)| *count += 1),
            _ => {}
        }
    }
    // The first of equals: a header without any delimiter is one column.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(d, _)| *d)
}

/// Whether the first line ends as on Windows.
fn ends_in_crlf(head: &[u8]) -> bool {
    let end = head.iter().position(|byte| *byte == b'\n');
    end.and_then(|end| end.checked_sub(1)).is_some_and(|before| head[before] == b'\r')
}

fn names(header: &ByteRecord) -> Result<Vec<String>, ReadError> {
    let mut seen = HashSet::new();
    // Where to go on for each name: many columns of one name are not counted from the beginning each time.
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::with_capacity(header.len());
    for (at, field) in header.iter().enumerate() {
        let text = str::from_utf8(field).map_err(|_| ReadError::HeaderNotText)?.trim();
        let end = text.floor_char_boundary(MAX_NAME);
        let base = if end == 0 { format!("column_{}", at + 1) } else { text[..end].to_owned() };
        let number = numbers.entry(base.clone()).or_insert(0);
        let mut name = base.clone();
        while !seen.insert(name.clone()) {
            *number += 1;
            name = format!("{base}.{number}");
        }
        names.push(name);
    }
    Ok(names)
}

fn assemble(
    names: Vec<String>,
    raw: Vec<RawColumn>,
    lines: &[u64],
    mut bad_rows: BadRows,
    (options, decimal): (&ReadOptions, Decimal),
) -> Result<Reading, ReadError> {
    if let Some(name) = options.kinds.keys().find(|name| !names.contains(name)) {
        let there = names.iter().take(12).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        return Err(TableError::NoColumn { name: name.clone(), there }.into());
    }
    let mut infinite = BTreeMap::new();
    let mut unfit: BTreeMap<usize, BadRowReason> = BTreeMap::new();
    let mut columns = Vec::with_capacity(names.len());
    // Each column's text is freed once it is typed.
    for (name, raw) in names.into_iter().zip(raw) {
        let wanted = options.kinds.get(&name).copied();
        let Typed { column, infinite: count, unfit: rows } = typed(name, &raw, wanted, decimal);
        if count > 0 {
            infinite.insert(column.name.clone(), count);
        }
        for row in rows {
            let reason = BadRowReason::Value { column: column.name.clone(), needed: column.kind() };
            unfit.entry(row).or_insert(reason);
        }
        columns.push(column);
    }
    let mut table = Table::new(columns)?;
    if !unfit.is_empty() {
        let good: Vec<usize> = (0..table.rows()).filter(|row| !unfit.contains_key(row)).collect();
        table = table.take(&good);
        unfit.into_iter().for_each(|(row, reason)| bad_rows.push(lines[row], reason));
        bad_rows.first.sort_by_key(|row| row.line);
    }
    if table.rows() == 0 {
        return Err(ReadError::NoRows { bad_rows: bad_rows.count });
    }
    Ok(Reading { table, bad_rows, infinite })
}
