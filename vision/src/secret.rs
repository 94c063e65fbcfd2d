//! What must not be shown: passwords, keys, and addresses that hold them.

use std::fmt;

use serde::Deserialize;

/// A secret, or text that may hold one, such as the address of a database. It does not print.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever must use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// `Secret(..)`.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A text as it may be shown: of every address in it, what stands before `@` (user and password) and behind `?` (signatures,
/// tokens) is left out.
///
/// ```
/// use vision::secret::redacted;
///
/// assert_eq!(redacted("postgres://ann:pw@db/shelf?sslkey=k is away"), "postgres://..@db/shelf?.. is away");
/// assert_eq!(redacted("no address"), "no address");
/// ```
#[must_use]
pub fn redacted(text: &str) -> String {
    const MARK: &str = "://";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, address) = rest.split_at(at + MARK.len());
        shown.push_str(before);
        let end = address.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'));
        let (address, after) = address.split_at(end.unwrap_or(address.len()));
        // A password may hold a slash that nobody escaped, so the last `@` counts.
        let place = match address.rsplit_once('@') {
            Some((_, place)) => {
                shown.push_str("..@");
                place
            }
            None => address,
        };
        match place.split_once('?') {
            Some((place, _)) => {
                shown.push_str(place);
                shown.push_str("?..");
            }
            None => shown.push_str(place),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let check = |text: &str, shown: &str| assert_eq!(redacted(text), shown, "{text}");
        check("postgres://ann:geheim@db:5432/shelf", "postgres://..@db:5432/shelf");
        check("postgres://ann:ge/he@im@db/shelf", "postgres://..@db/shelf");
        check("cannot reach \"s3://key:geheim@bucket\": away", "cannot reach \"s3://..@bucket\": away");
        check("https://a/?token=geheim and http://x:geheim@b", "https://a/?.. and http://..@b");
        check("https://example.com/path", "https://example.com/path");
        check("ann@example.com", "ann@example.com");
        check("://@", "://..@");
        assert_eq!(format!("{:?}", Secret::from("geheim")), "Secret(..)");
    }
}
