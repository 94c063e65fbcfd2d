//! Files as text.

use std::path::Path;

use super::bounded::{FileError, read_bounded};
use crate::text;

pub use crate::text::composed;

/// `bytes` read from `path` as text: see [`text::decode`]. `path` is only for the message.
///
/// # Errors
/// When they are no text; names the first line that is not.
pub fn into_text(path: &Path, bytes: Vec<u8>) -> Result<String, FileError> {
    text::decode(bytes).map_err(|error| FileError::NotText {
        path: path.to_owned(),
        line: u32::try_from(error.line).unwrap_or(u32::MAX),
    })
}

/// As [`read_bounded`], for text: see [`into_text`].
///
/// # Errors
/// As [`read_bounded`], and when the bytes are not text.
pub fn read_text_bounded(path: &Path, limit: u64) -> Result<String, FileError> {
    into_text(path, read_bounded(path, limit)?)
}
