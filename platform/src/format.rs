//! What a file is, by its first bytes.

use crate::error::PlatformError;

/// Bytes that tell.
pub(crate) const HEAD: usize = 8;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text, with whatever delimiter.
    Csv,
    /// An archive: a workbook, if it is one that is read.
    Xlsx,
}

const ARCHIVE: &[u8] = b"PK\x03\x04";

/// What is not read, though people have it.
const OTHERS: &[(&[u8], &str)] = &[
    (b"PAR1", "Parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet (XLS), or one with a password,"),
    (b"\x1f\x8b", "a file compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"ARROW1", "Arrow"),
    (b"SQLite f", "an SQLite database"),
    (b"%PDF", "PDF"),
];

/// What a file is. Refuses what is plainly no table, by name: a reader of text would only say that its first line is no text.
pub(crate) fn of(head: &[u8]) -> Result<Format, PlatformError> {
    match OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, found)) => Err(PlatformError::Format { found }),
        None if head.starts_with(ARCHIVE) => Ok(Format::Xlsx),
        None => Ok(Format::Csv),
    }
}
