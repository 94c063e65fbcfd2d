//! A part of a workbook, piece by piece. No DOCTYPE, no entities but XML's five.

use std::io::{BufReader, Read};

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::SheetError;
use crate::read::ReadError;
use crate::read::bounded::{Bounded, Excess};

/// Bytes of one row, or of one string.
const MAX_ROW: u64 = 16 << 20;
/// Elements in elements.
const MAX_DEPTH: usize = 64;

/// A piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// An element begins: its name, without a prefix, and its attributes.
    Open(String, Vec<(String, String)>),
    /// It ends.
    Close(String),
    Text(String),
    End,
}

impl Piece {
    /// An attribute of an element that begins.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let Self::Open(_, attributes) = self else { return None };
        attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A part that is read.
pub(super) struct Part<R> {
    reader: Reader<BufReader<Bounded<R>>>,
    buffer: Vec<u8>,
    depth: usize,
    name: &'static str,
    limit: u64,
}

impl<R: Read> Part<R> {
    /// Of at most so many bytes, unpacked.
    pub(super) fn new(from: R, name: &'static str, limit: u64) -> Self {
        let mut reader = Reader::from_reader(BufReader::new(Bounded::new(from, limit, MAX_ROW)));
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), depth: 0, name, limit }
    }

    /// What came so far is accounted for: a row, or a string.
    pub(super) fn mark(&self) {
        self.reader.get_ref().get_ref().mark();
    }

    pub(super) fn next(&mut self) -> Result<Piece, ReadError> {
        loop {
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(source) => {
                    return Err(match self.reader.get_ref().get_ref().excess() {
                        Some(Excess::File) => ReadError::TooManyBytes { limit: self.limit },
                        Some(Excess::Row) => ReadError::RowTooLong { line: 0, limit: MAX_ROW },
                        None => SheetError::Xml { part: self.name, source }.into(),
                    });
                }
            };
            let wrong = |source: quick_xml::Error| ReadError::from(SheetError::Xml { part: self.name, source });
            return Ok(match event {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(SheetError::Damaged { what: "its elements lie too deep" }.into());
                    }
                    Piece::Open(local(start.name().0), attributes(&start).map_err(wrong)?)
                }
                Event::End(end) => {
                    self.depth = self.depth.saturating_sub(1);
                    Piece::Close(local(end.name().0))
                }
                Event::Text(text) => Piece::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Piece::Text(text.into_inner().into_owned()),
                Event::GeneralRef(entity) => match entity.resolve_char_ref().map_err(wrong)? {
                    Some(character) => Piece::Text(character.to_string()),
                    None => {
                        let known = resolve_predefined_entity(&entity);
                        let damaged = SheetError::Damaged { what: "it names an entity that there is not" };
                        Piece::Text(known.ok_or(damaged)?.to_owned())
                    }
                },
                Event::DocType(_) => return Err(SheetError::Damaged { what: "a part has a DOCTYPE" }.into()),
                Event::Eof if self.depth > 0 => return Err(SheetError::Damaged { what: "a part breaks off" }.into()),
                Event::Eof => Piece::End,
                _ => continue,
            });
        }
    }
}

fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, quick_xml::Error> {
    start
        .attributes()
        .map(|attribute| {
            let attribute = attribute?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            Ok((local(attribute.key.0), value.into_owned()))
        })
        .collect()
}
