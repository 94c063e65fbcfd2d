//! Which file a task's image is.

use std::collections::BTreeMap;

use super::super::error::Fault;
use crate::layout::FileSort;

/// The image's file name: the last part of the address under `image`, or of the first value that names an image.
pub(super) fn file_of(data: &BTreeMap<String, serde_json::Value>) -> Result<String, Fault> {
    let address = data
        .get("image")
        .or_else(|| data.values().find(|v| v.as_str().is_some_and(names_an_image)))
        .and_then(serde_json::Value::as_str)
        .ok_or(Fault::Missing("image"))?
        .trim();
    if address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Err(Fault::DataUrl);
    }
    // `/data/local-files/?d=folder/a.jpg` keeps its folders; addresses elsewhere only their last part.
    let name = match address.split_once("?d=") {
        Some((_, local)) => {
            unescape(local.split(['&', '#']).next().unwrap_or(local)).trim_start_matches('/').to_owned()
        }
        None => unescape(address.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default()),
    };
    if name.trim().is_empty() { Err(Fault::Missing("image")) } else { Ok(name) }
}

/// `%20` and its like as what they stand for; left as they are when that is no text.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code =
            text.get(at + 1..at + 3).filter(|code| bytes[at] == b'%' && code.bytes().all(|c| c.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

fn names_an_image(text: &str) -> bool {
    FileSort::of(text.split(['?', '#']).next().unwrap_or(text)) != FileSort::NoImage
}
