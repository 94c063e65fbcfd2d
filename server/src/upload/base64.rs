//! `{"image": "<base64>"}` and `{"images": ["<base64>", ...]}`, also as data URLs.

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManyDocument<'a> {
    #[serde(borrow)]
    images: Vec<Cow<'a, str>>,
}

/// One image.
pub(super) async fn read(body: LimitedBody) -> Result<Bytes, UploadError> {
    read_by(body, decode).await
}

/// As many images as `limit`, in their order.
pub(super) async fn read_many(body: LimitedBody, limit: usize) -> Result<Vec<Bytes>, UploadError> {
    read_by(body, move |text| decode_many(text, limit)).await
}

async fn read_by<T: Send + 'static>(
    body: LimitedBody,
    decode: impl FnOnce(&[u8]) -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
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
    decode_text(&document.image)
}

fn decode_many(text: &[u8], limit: usize) -> Result<Vec<Bytes>, UploadError> {
    let document: ManyDocument<'_> =
        serde_json::from_slice(text).map_err(|e| UploadError::JsonImages { reason: shorten(&e.to_string()) })?;
    if document.images.len() > limit {
        return Err(UploadError::TooManyPhotos { limit });
    }
    document.images.iter().map(|image| decode_text(image)).collect()
}

fn decode_text(image: &str) -> Result<Bytes, UploadError> {
    // Schemes are case-blind (RFC 3986, 3.1), and so is the word base64 (RFC 2397).
    let ends_with = |kind: &str, end: &str| {
        kind.len()
            .checked_sub(end.len())
            .and_then(|at| kind.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let image = image.trim_start();
    let encoded = match image.split_at_checked(5) {
        Some((scheme, url)) if scheme.eq_ignore_ascii_case("data:") => match url.split_once(',') {
            Some((kind, data)) if ends_with(kind, ";base64") => data,
            _ => return Err(UploadError::DataUrl),
        },
        _ => image,
    };
    // Tools wrap lines; decoders do not expect it.
    let encoded = if encoded.bytes().any(|b| b.is_ascii_whitespace()) {
        Cow::Owned(encoded.split_ascii_whitespace().collect::<String>())
    } else {
        Cow::Borrowed(encoded)
    };
    // The alphabet for addresses (RFC 4648, 5), which mobile systems use by default. No text is sound in both and means two things.
    let encoded =
        if encoded.contains(['-', '_']) { Cow::Owned(encoded.replace('-', "+").replace('_', "/")) } else { encoded };
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
        check(r#"{"image": "DATA:image/jpeg;BASE64,c2hlbGYhIQ=="}"#);
        let signs = |text: &str| decode(format!(r#"{{"image": "{text}"}}"#).as_bytes()).expect(text);
        assert_eq!(signs("-_-_"), signs("+/+/"), "the alphabet for addresses");
        check(r#"{"image": "\u0063\u0032hlbGYhIQ=="}"#);
        assert!(decode(br#"{"image": ""}"#).expect("no bytes are bytes").is_empty());
    }

    #[test]
    fn many_images_come_in_their_order() {
        let images = decode_many(br#"{"images": ["c2hlbGYhIQ==", "data:;base64,YQ", ""]}"#, 3).expect("three images");
        assert_eq!(images, [&b"shelf!!"[..], b"a", b""]);
        assert!(decode_many(br#"{"images": []}"#, 3).expect("none").is_empty());
        assert_eq!(decode_many(br#"{"images": ["", ""]}"#, 1), Err(UploadError::TooManyPhotos { limit: 1 }));
        assert!(matches!(decode_many(br#"{"images": ["*"]}"#, 1), Err(UploadError::Base64 { .. })));
        assert!(matches!(decode_many(br#"{"image": "YQ"}"#, 1), Err(UploadError::JsonImages { .. })));
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
