//! A key as its owner holds it.

use vision::{Secret, Sha256};

use crate::error::StoreError;

/// What every key begins with: scanners for leaked secrets, and people, know it by this.
const PREFIX: &str = "shelf_";
/// Random bytes of a key.
const BYTES: usize = 32;

/// `shelf_` and 256 random bits in hexadecimal digits. Shown once; what is kept is its [`digest`](Self::digest).
#[derive(Debug, Clone)]
pub struct KeyToken(Secret);

impl KeyToken {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system has no random numbers.
    pub fn generate() -> Result<Self, StoreError> {
        let mut random = [0; BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::Unavailable { what: "source of random numbers", source: error.into() })?;
        // Printed as a digest is.
        Ok(Self(Secret::from(format!("{PREFIX}{}", Sha256(random)))))
    }

    /// What a client sent, when it has the form of a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let sound = digits.len() == 2 * BYTES && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        sound.then(|| Self(Secret::from(text)))
    }

    /// Whether a text means to be a key, sound or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The key itself, to be shown to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is kept of it, and what it is found by.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_do_not_print() {
        let (a, b) = (KeyToken::generate().expect("random"), KeyToken::generate().expect("random"));
        assert_ne!(a.expose(), b.expose());
        assert_eq!(a.expose().len(), 70);
        assert!(!format!("{a:?}").contains(&a.expose()[6..]));
        assert_eq!(KeyToken::parse(a.expose()).expect("sound").digest(), a.digest());
    }

    #[test]
    fn what_is_no_key_is_not_looked_up() {
        let key = format!("shelf_{}", "0a".repeat(32));
        assert!(KeyToken::parse(&key).is_some());
        for wrong in [
            "",
            "shelf_",
            "shelf_0a",
            &key[1..],
            &key[..69],
            &format!("{key}0"),
            &key.replace('a', "A"),
            &key.replace('a', "g"),
        ] {
            assert!(KeyToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
