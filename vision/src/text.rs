//! Bytes as text, in the encodings that editors and spreadsheets save; names as they are compared.

use thiserror::Error;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// Bytes that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line {line} is not UTF-8 text")]
pub struct NotText {
    /// The first line that is none, from 1.
    pub line: usize,
}

/// The bytes as text: UTF-8 with or without a byte-order mark, or UTF-16 (which Windows calls "Unicode") in either order, with a mark
/// or told by its zero bytes.
///
/// # Errors
/// When they are neither.
pub fn decode(bytes: Vec<u8>) -> Result<String, NotText> {
    if let Some((order, content)) = utf16(&bytes) {
        return from_utf16(content, order).map_err(|line| NotText { line });
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        NotText { line: before.iter().filter(|&&b| b == b'\n').count() + 1 }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// The text with composed letters: `é` is one character or two, depending on who wrote the name, and looks the same.
#[must_use]
pub fn composed(text: &str) -> String {
    if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// How two bytes make a unit of UTF-16.
type Order = fn([u8; 2]) -> u16;

/// Bytes looked at to tell UTF-16 without a mark.
const SAMPLE_BYTES: usize = 256;

/// The order and content of UTF-16. Without a mark, text whose every other byte is zero is nothing else: no text file holds
/// zero bytes otherwise.
fn utf16(bytes: &[u8]) -> Option<(Order, &[u8])> {
    match bytes {
        [0xff, 0xfe, content @ ..] => return Some((u16::from_le_bytes, content)),
        [0xfe, 0xff, content @ ..] => return Some((u16::from_be_bytes, content)),
        _ => {}
    }
    let pairs = bytes[..bytes.len().min(SAMPLE_BYTES)].as_chunks::<2>().0;
    let every = |wanted: fn(&[u8; 2]) -> bool| !pairs.is_empty() && pairs.iter().all(wanted);
    match () {
        () if every(|pair| pair[0] != 0 && pair[1] == 0) => Some((u16::from_le_bytes, bytes)),
        () if every(|pair| pair[0] == 0 && pair[1] != 0) => Some((u16::from_be_bytes, bytes)),
        () => None,
    }
}

/// The text, or the line (from 1) of the first unit that is none.
fn from_utf16(bytes: &[u8], order: Order) -> Result<String, usize> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len() + pairs.len() / 8);
    let lines = |text: &str| text.bytes().filter(|&b| b == b'\n').count() + 1;
    for unit in char::decode_utf16(pairs.iter().map(|pair| order(*pair))) {
        match unit {
            Ok(character) => text.push(character),
            Err(_) => return Err(lines(&text)),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(lines(&text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let check = |bytes: &[u8], expected: Result<&str, usize>| {
            let got = decode(bytes.to_vec());
            assert_eq!(got.as_deref().map_err(|error| error.line), expected, "{bytes:?}");
        };
        let units = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<_>>();
        check("é\n".as_bytes(), Ok("é\n"));
        check("\u{feff}é".as_bytes(), Ok("é"));
        check(&units("\u{feff}é\u{1f37e}", u16::to_le_bytes), Ok("é\u{1f37e}"));
        check(&units("\u{feff}é", u16::to_be_bytes), Ok("é"));
        check(&units("0 .5 .5\n", u16::to_le_bytes), Ok("0 .5 .5\n"));
        check(&units("0 .5 .5\n", u16::to_be_bytes), Ok("0 .5 .5\n"));
        check(b"", Ok(""));
        check(b"a\nb\xe9", Err(2));
        check(b"\xff\xfea\0\n\0b", Err(2));
        check(b"\xff\xfe\x00\xd8", Err(1));
    }

    #[test]
    fn names_are_composed() {
        assert_eq!(composed("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(composed("plain"), "plain");
    }
}
