//! The archive around a workbook: its directory, and entries one at a time.

use std::io::{Read, Seek, SeekFrom, Take};

use flate2::read::DeflateDecoder;

use super::SheetError;
use crate::read::ReadError;

/// Entries of an archive.
const MAX_ENTRIES: usize = 10_000;
/// The end of an archive: its record, and the longest comment.
const END: u64 = 22 + 65_535;

/// Where an entry lies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    method: u16,
    encrypted: bool,
    packed: u64,
    offset: u64,
}

/// An archive.
pub(super) struct Archive<R> {
    from: R,
    entries: Vec<Entry>,
}

/// The bytes of an entry, unpacked.
pub(super) enum Unpacked<'a, R> {
    Stored(Take<&'a mut R>),
    Deflated(DeflateDecoder<Take<&'a mut R>>),
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Stored(from) => from.read(buffer),
            Self::Deflated(from) => from.read(buffer),
        }
    }
}

fn damaged(what: &'static str) -> ReadError {
    SheetError::Damaged { what }.into()
}

/// A number of two or four bytes, little-endian.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + width)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory.
    pub(super) fn open(mut from: R) -> Result<Self, ReadError> {
        let size = from.seek(SeekFrom::End(0))?;
        let tail = size.min(END);
        from.seek(SeekFrom::Start(size - tail))?;
        let mut end = Vec::new();
        (&mut from).take(tail).read_to_end(&mut end)?;
        let at = end.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").ok_or_else(|| damaged("it breaks off"))?;
        let field =
            |offset: usize, width: usize| number(&end, at + offset, width).ok_or_else(|| damaged("it breaks off"));
        let (count, length, start) = (field(10, 2)?, field(12, 4)?, field(16, 4)?);
        if count as usize > MAX_ENTRIES || start + length > size {
            return Err(damaged("its directory lies elsewhere"));
        }
        from.seek(SeekFrom::Start(start))?;
        let mut directory = Vec::new();
        (&mut from).take(length).read_to_end(&mut directory)?;
        let entries = entries(&directory, count as usize).ok_or_else(|| damaged("its directory cannot be read"))?;
        Ok(Self { from, entries })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// An entry's bytes; `None` when there is none of that name.
    pub(super) fn entry(&mut self, name: &str) -> Result<Option<Unpacked<'_, R>>, ReadError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name).cloned() else { return Ok(None) };
        if entry.encrypted {
            return Err(SheetError::Encrypted.into());
        }
        let mut head = [0; 30];
        self.from.seek(SeekFrom::Start(entry.offset))?;
        self.from.read_exact(&mut head).map_err(|_| damaged("it breaks off"))?;
        if !head.starts_with(b"PK\x03\x04") {
            return Err(damaged("an entry lies elsewhere"));
        }
        let skipped = number(&head, 26, 2).unwrap_or(0) + number(&head, 28, 2).unwrap_or(0);
        self.from.seek(SeekFrom::Current(skipped as i64))?;
        let packed = (&mut self.from).take(entry.packed);
        match entry.method {
            0 => Ok(Some(Unpacked::Stored(packed))),
            8 => Ok(Some(Unpacked::Deflated(DeflateDecoder::new(packed)))),
            _ => Err(damaged("an entry is packed in an unknown way")),
        }
    }
}

fn entries(directory: &[u8], count: usize) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        if !directory.get(at..)?.starts_with(b"PK\x01\x02") {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|offset| number(directory, at + offset, 2).unwrap_or(0) as usize);
        let bytes = directory.get(at + 46..at + 46 + name)?;
        entries.push(Entry {
            name: String::from_utf8_lossy(bytes).into_owned(),
            encrypted: number(directory, at + 8, 2)? & 1 == 1,
            method: number(directory, at + 10, 2)? as u16,
            packed: number(directory, at + 20, 4)?,
            offset: number(directory, at + 42, 4)?,
        });
        at += 46 + name + extra + comment;
    }
    Some(entries)
}
