//! Which hub, which cache, and how much patience.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use vision::model_card::MAX_MODEL_BYTES;

/// The hub that is asked when none is named.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// Which hub, which cache, and how much patience.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Address of the hub, or of a mirror of it.
    pub endpoint: String,
    /// The hub's local cache, shared with its own tools: `models--OWNER--REPO` folders lie in it.
    pub cache: PathBuf,
    /// Opens repositories that are not for everyone. Sent to the endpoint alone.
    pub token: Option<Token>,
    /// Whether only the cache is used.
    pub offline: bool,
    /// Bounds on time, size and tries.
    pub limits: Limits,
}

impl HubOptions {
    /// The usual hub with this cache, without a token.
    #[must_use]
    pub fn new(cache: PathBuf) -> Self {
        Self { endpoint: DEFAULT_ENDPOINT.to_owned(), cache, token: None, offline: false, limits: Limits::default() }
    }
}

/// Bounds on time, size and tries.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest time to a connection, TLS included, and again to the head of an answer.
    pub answer: Duration,
    /// Longest time in which nothing more of a file comes.
    pub stall: Duration,
    /// Bytes a second that a file has to bring over any time as long as `stall`: a hub that drips is no better than one that
    /// hangs.
    pub min_rate: u64,
    /// Largest file taken.
    pub largest: u64,
    /// Times a file is tried.
    pub tries: u32,
    /// Pause after the first failed try; it doubles with every further one.
    pub pause: Duration,
    /// Longest pause. A hub that asks for more gets no further try.
    pub longest_pause: Duration,
    /// What pauses: tests do not.
    pub sleep: fn(Duration),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            min_rate: 1 << 10,
            largest: MAX_MODEL_BYTES,
            tries: 5,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            sleep: std::thread::sleep,
        }
    }
}

/// A secret that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// `text` without white space around it; `None` when nothing is left, or when it cannot stand in a header.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the header that carries it.
    #[cfg(feature = "client")]
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_print_and_fit_a_header() {
        let token = Token::new(" hf_secret\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        let options = HubOptions { token: Some(token), ..HubOptions::new("cache".into()) };
        assert!(!format!("{options:?}").contains("secret"));
        for text in ["", "  ", "a b", "a\r\nX-Other: b", "ü"] {
            assert_eq!(Token::new(text), None, "{text:?}");
        }
    }
}
