//! What a file is, by its first bytes.

use crate::error::PlatformError;

/// Bytes that tell.
pub(crate) const HEAD: usize = 8;

/// What is not read, though people have it.
const OTHERS: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a spreadsheet (XLSX, ODS) or another ZIP archive"),
    (b"PAR1", "Parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet (XLS)"),
    (b"\x1f\x8b", "a file compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"ARROW1", "Arrow"),
    (b"SQLite f", "an SQLite database"),
    (b"%PDF", "PDF"),
];

/// Refuses what is plainly no CSV, by name: a reader of text would only say that its first line is no text.
pub(crate) fn check(head: &[u8]) -> Result<(), PlatformError> {
    match OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, found)) => Err(PlatformError::Format { found }),
        None => Ok(()),
    }
}
