//! The name of one request in answers, logs and complaints.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header it comes and goes in.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a client.
const MAX_LENGTH: usize = 128;

/// Taken from the client when it is fit to be logged, made otherwise (UUID v7: sorts by time).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_acceptable(id));
        given.map_or_else(|| Self(Uuid::now_v7().to_string().into()), |id| Self(id.into()))
    }

    /// Of a part of a request, named by that one's id and its number.
    pub(crate) fn part(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an acceptable id is a header value")
    }
}

fn is_acceptable(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_LENGTH
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_fit_for_a_log_are_taken() {
        let check = |id: &str, taken: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_str(id).expect("a header value"));
            assert_eq!(RequestId::of(&headers).as_str() == id, taken, "{id:?}");
        };
        check("abc-123", true);
        check("0194f3a2-7c1e-7f00-8000-000000000001", true);
        check("Root=1-67891233-abcdef012345678912345678", true);
        check("", false);
        check("two words", false);
        check("<script>", false);
        check("{\"a\":1}", false);
        check(&"x".repeat(MAX_LENGTH), true);
        check(&"x".repeat(MAX_LENGTH + 1), false);
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
