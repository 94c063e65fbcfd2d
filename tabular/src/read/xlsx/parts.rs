//! The small parts of a workbook: which sheet is first, shared strings, formats of dates.

use std::collections::HashSet;
use std::io::{Read, Seek};

use super::SheetError;
use super::dates::{is_date, shows_dates};
use super::xml::{Part, Piece};
use super::zip::Archive;
use crate::read::{Limits, ReadError};

/// Bytes of a small part.
const SMALL: u64 = 16 << 20;

/// What the sheet's cells refer to.
pub(super) struct Workbook {
    /// Path of the first sheet.
    pub(super) sheet: String,
    /// Whether days are counted from 1904.
    pub(super) from_1904: bool,
    pub(super) strings: Vec<String>,
    /// Styles of cells that show dates.
    pub(super) dates: HashSet<usize>,
}

impl Workbook {
    pub(super) fn read<R: Read + Seek>(archive: &mut Archive<R>, limits: &Limits) -> Result<Self, ReadError> {
        let (first, from_1904) = first_sheet(archive)?;
        let sheet = target(archive, &first)?;
        if !archive.has(&sheet) {
            return Err(SheetError::NoWorkbook { part: "a sheet" }.into());
        }
        Ok(Self { sheet, from_1904, strings: strings(archive, limits)?, dates: dates(archive)? })
    }
}

/// The relation of the first sheet.
fn first_sheet<R: Read + Seek>(archive: &mut Archive<R>) -> Result<(String, bool), ReadError> {
    let missing = SheetError::NoWorkbook { part: "xl/workbook.xml" };
    let Some(bytes) = archive.entry("xl/workbook.xml")? else { return Err(missing.into()) };
    let mut part = Part::new(bytes, "the workbook", SMALL);
    let (mut first, mut from_1904) = (None, false);
    loop {
        let piece = part.next()?;
        match &piece {
            Piece::Open(name, _) if name == "workbookPr" => {
                from_1904 = matches!(piece.attribute("date1904"), Some("1" | "true"));
            }
            // Its own number is called `sheetId`: `id` is that of the relation.
            Piece::Open(name, _) if name == "sheet" && first.is_none() => {
                first = piece.attribute("id").map(str::to_owned);
            }
            Piece::End => break,
            _ => {}
        }
    }
    let first = first.ok_or(SheetError::NoWorkbook { part: "a sheet" })?;
    Ok((first, from_1904))
}

/// The path of a relation.
fn target<R: Read + Seek>(archive: &mut Archive<R>, id: &str) -> Result<String, ReadError> {
    let missing = || SheetError::NoWorkbook { part: "xl/_rels/workbook.xml.rels" };
    let Some(bytes) = archive.entry("xl/_rels/workbook.xml.rels")? else { return Err(missing().into()) };
    let mut part = Part::new(bytes, "the relations", SMALL);
    loop {
        let piece = part.next()?;
        match &piece {
            Piece::Open(name, _) if name == "Relationship" && piece.attribute("Id") == Some(id) => {
                let path = piece.attribute("Target").unwrap_or_default();
                return Ok(match path.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None => format!("xl/{path}"),
                });
            }
            Piece::End => return Err(missing().into()),
            _ => {}
        }
    }
}

fn strings<R: Read + Seek>(archive: &mut Archive<R>, limits: &Limits) -> Result<Vec<String>, ReadError> {
    let Some(bytes) = archive.entry("xl/sharedStrings.xml")? else { return Ok(Vec::new()) };
    let mut part = Part::new(bytes, "the strings", limits.max_bytes);
    let (mut strings, mut current, mut inside, mut reading) = (Vec::new(), String::new(), false, 0_usize);
    loop {
        match part.next()? {
            Piece::Open(name, _) => match name.as_str() {
                "si" => current.clear(),
                // How it is pronounced is not part of it.
                "rPh" => reading += 1,
                "t" => inside = reading == 0,
                _ => {}
            },
            Piece::Text(text) if inside => current.push_str(&text),
            Piece::Text(_) => {}
            Piece::Close(name) => match name.as_str() {
                "t" => inside = false,
                "rPh" => reading = reading.saturating_sub(1),
                "si" => {
                    if strings.len() >= limits.max_cells {
                        let (rows, columns, limit) = (strings.len(), 1, limits.max_cells);
                        return Err(ReadError::TooManyCells { rows, columns, limit });
                    }
                    strings.push(std::mem::take(&mut current));
                    part.mark();
                }
                _ => {}
            },
            Piece::End => return Ok(strings),
        }
    }
}

/// Places of the cell styles that show dates.
fn dates<R: Read + Seek>(archive: &mut Archive<R>) -> Result<HashSet<usize>, ReadError> {
    let Some(bytes) = archive.entry("xl/styles.xml")? else { return Ok(HashSet::new()) };
    let mut part = Part::new(bytes, "the styles", SMALL);
    let (mut own, mut dates, mut place, mut inside) = (HashSet::new(), HashSet::new(), 0, false);
    loop {
        let piece = part.next()?;
        let format = || piece.attribute("numFmtId").and_then(|id| id.parse::<u32>().ok());
        match &piece {
            Piece::Open(name, _) => match name.as_str() {
                "numFmt" if piece.attribute("formatCode").is_some_and(shows_dates) => own.extend(format()),
                "cellXfs" => inside = true,
                "xf" if inside => {
                    if format().is_some_and(|id| is_date(id) || own.contains(&id)) {
                        dates.insert(place);
                    }
                    place += 1;
                }
                _ => {}
            },
            Piece::Close(name) if name == "cellXfs" => inside = false,
            Piece::End => return Ok(dates),
            _ => {}
        }
        part.mark();
    }
}
