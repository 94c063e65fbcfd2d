//! What a request shows of who asks.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest header looked at.
const MAX_LENGTH: usize = 512;

/// The key of `Authorization: Bearer KEY`, or the password of `Basic`, which is what browsers ask people for.
pub(super) fn presented(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok().filter(|value| value.len() <= MAX_LENGTH)?;
    let (scheme, rest) = value.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        return decoded.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}

/// Whether a person at a browser asks for a page.
pub(crate) fn wants_page(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    parts.method == Method::GET && accept.contains("text/html")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn keys_come_in_two_ways() {
        let check = |value: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a header"));
            assert_eq!(presented(&headers).as_deref(), expected, "{value:?}");
        };
        check("Bearer shelf_1", Some("shelf_1"));
        check("bearer  shelf_1 ", Some("shelf_1"));
        check("Basic YW5uOnNoZWxmXzE=", Some("shelf_1"));
        check("Basic OnNoZWxmXzE=", Some("shelf_1"));
        check("Basic !!!", None);
        check("Basic YW5u", None);
        check("Digest x", None);
        check("shelf_1", None);
        check("", None);
        check(&format!("Bearer {}", "x".repeat(600)), None);
        assert_eq!(presented(&HeaderMap::new()), None);
    }
}
