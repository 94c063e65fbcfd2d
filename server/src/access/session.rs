//! What a browser of somebody who signed in shows: a cookie, and beside every change the token that only our own pages can read.

use axum::http::{HeaderMap, header};
use store::access::SessionToken;
use subtle::ConstantTimeEq;

/// The cookie that stands for the session. Scripts cannot read it.
pub(crate) const SESSION: &str = "shelf_session";
/// The cookie that scripts of our pages read, and send back in [`CSRF_HEADER`] with every change.
pub(crate) const CSRF: &str = "shelf_csrf";
/// The header that a change comes with.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
/// Longest header looked at.
const MAX_LENGTH: usize = 4_096;

/// The token of a request, when it shows one.
pub(crate) fn shown(headers: &HeaderMap) -> Option<SessionToken> {
    cookie(headers, SESSION).and_then(SessionToken::parse)
}

/// Whether what came beside the cookie belongs to it.
pub(crate) fn vouches(token: &SessionToken, csrf: &str) -> bool {
    token.csrf().to_string().as_bytes().ct_eq(csrf.as_bytes()).into()
}

/// Whether the header of a change belongs to the cookie.
pub(super) fn header_vouches(token: &SessionToken, headers: &HeaderMap) -> bool {
    let value = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    value.is_some_and(|csrf| vouches(token, csrf))
}

/// The first cookie of a name (RFC 6265, section 5.4).
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.filter(|line| line.len() <= MAX_LENGTH).flat_map(|line| line.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let check = |line: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(line).expect("a header"));
            assert_eq!(cookie(&headers, SESSION), expected, "{line:?}");
        };
        check("shelf_session=1", Some("1"));
        check("a=b; shelf_session=1; c=d", Some("1"));
        check("xshelf_session=1", None);
        check("shelf_session", None);
        check("shelf_session=", Some(""));
        check("shelf_session=1; shelf_session=2", Some("1"));
        check(&format!("shelf_session=1; a={}", "x".repeat(5_000)), None);
        assert_eq!(cookie(&HeaderMap::new(), SESSION), None);
    }

    #[test]
    fn a_change_comes_with_what_belongs_to_its_cookie() {
        let token = SessionToken::parse(&"0a".repeat(32)).expect("sound");
        let other = SessionToken::parse(&"0b".repeat(32)).expect("sound");
        assert!(vouches(&token, &token.csrf().to_string()));
        for wrong in ["", token.expose(), &other.csrf().to_string(), &token.csrf().to_string()[1..]] {
            assert!(!vouches(&token, wrong), "{wrong}");
        }
    }
}
