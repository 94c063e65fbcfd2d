//! `{"image": "<base64>"}`, also as a data URL.

use std::borrow::Cow;

use ::base64::alphabet;
use ::base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Deserialize;

use super::body::LimitedBody;
use super::{UploadError, raw, shorten};

/// Bodies above this are decoded off the async threads: a megabyte takes about a millisecond.
const HEAVY_BYTES: usize = 256 << 10;

/// Standard alphabet, padding or none.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    #[serde(borrow)]
    image: Cow<'a, str>,
}

pub(super) async fn read(body: LimitedBody) -> Result<Bytes, UploadError> {
    let text = raw::read(body).await?;
    if text.len() < HEAVY_BYTES {
        return decode(&text);
    }
    // The task only ends early when the runtime does.
    tokio::task::spawn_blocking(move || decode(&text)).await.unwrap_or(Err(UploadError::Broken))
}

fn decode(text: &[u8]) -> Result<Bytes, UploadError> {
    let document: Document<'_> =
        serde_json::from_slice(text).map_err(|e| UploadError::Json { reason: shorten(&e.to_string()) })?;
    let encoded = match document.image.strip_prefix("data:") {
        Some(url) => match url.split_once(',') {
            Some((kind, data)) if kind.ends_with(";base64") => data,
            _ => return Err(UploadError::DataUrl),
        },
        None => &document.image,
    };
    // Tools wrap lines; decoders do not expect it.
    let encoded = if encoded.bytes().any(|b| b.is_ascii_whitespace()) {
        Cow::Owned(encoded.split_ascii_whitespace().collect::<String>())
    } else {
        Cow::Borrowed(encoded)
    };
    let photo = BASE64.decode(encoded.as_bytes()).map_err(|e| UploadError::Base64 { reason: e.to_string() })?;
    Ok(photo.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_comes_in_many_forms() {
        let check = |text: &str| assert_eq!(decode(text.as_bytes()).expect(text).as_ref(), b"shelf!!", "{text}");
        check(r#"{"image": "c2hlbGYhIQ=="}"#);
        check(r#"{"image": "c2hlbGYhIQ"}"#);
        check(r#"{"image": "c2hl\nbGYh\r\nIQ==\n"}"#);
        check(r#"{"image": "data:image/jpeg;base64,c2hlbGYhIQ=="}"#);
        check(r#"{"image": "data:;base64,c2hlbGYhIQ=="}"#);
        check(r#"{"image": "\u0063\u0032hlbGYhIQ=="}"#);
        assert!(decode(br#"{"image": ""}"#).expect("no bytes are bytes").is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, expected: &str| {
            let error = decode(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(expected), "{text} gave: {error}");
        };
        check("", "JSON");
        check("{", "JSON");
        check("[]", "JSON");
        check("{}", "missing field `image`");
        check(r#"{"image": 1}"#, "expected a string");
        check(r#"{"image": "", "conf": 1}"#, "unknown field `conf`");
        check(r#"{"image": "a*b="}"#, "not base64");
        check(r#"{"image": "data:image/jpeg,abc"}"#, "data URL");
        check(r#"{"image": "data:image/jpeg"}"#, "data URL");
    }
}
