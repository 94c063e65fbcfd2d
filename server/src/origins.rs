//! Origins whose pages may read answers.

use axum::http::HeaderValue;

/// Origins whose pages may read answers: none unless named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(Vec<String>);

/// Every origin.
const ANY: &str = "*";

impl Origins {
    /// As written in the configuration: `https://shop.example`, or `*` for all. `None` names the first that is no origin.
    pub(crate) fn parse(written: &[String]) -> Result<Self, &str> {
        match written.iter().find(|text| !is_origin(text)) {
            Some(wrong) => Err(wrong),
            None => Ok(Self(written.iter().map(|text| text.to_ascii_lowercase()).collect())),
        }
    }

    /// Whether none is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether pages of this origin may read answers and ask for changes.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().unwrap_or_default();
        self.0.iter().any(|allowed| allowed == ANY || allowed.eq_ignore_ascii_case(origin))
    }
}

/// Scheme, host and perhaps a port, nothing behind them.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")).map(|(_, host)| host);
    text == ANY || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*', '@']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let parse = |text: &str| Origins::parse(&[text.to_owned()]).is_ok();
        for sound in ["*", "https://shop.example", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(parse(sound), "{sound}");
        }
        for wrong in ["", "shop.example", "https://", "https://shop.example/", "https://*.example", "ftp://a", "null"] {
            assert!(!parse(wrong), "{wrong}");
        }
        let own = Origins::parse(&["https://Shop.example".to_owned()]).expect("sound");
        let allow = |origin: &'static str| own.allow(&HeaderValue::from_static(origin));
        assert!(allow("https://shop.example") && !allow("https://shop.example.evil") && !allow("null"));
    }
}
