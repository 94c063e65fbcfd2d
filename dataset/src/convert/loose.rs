//! JSON as tools really write it: numbers as text, whole numbers with a point, ids that are words, `NaN`.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde_json::Value;

/// A row of a list, or why it is none: one bad row does not take the others with it.
pub(super) struct Row<T>(pub(super) Result<T, serde_json::Error>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Row<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(serde_json::from_value(Value::deserialize(deserializer)?)))
    }
}

/// A number, also as text. May be NaN or infinite: whoever uses it looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Number {
    /// As a whole number from 0 up.
    pub(super) fn whole(self) -> Option<u64> {
        let Self(number) = self;
        // Up to 2^53 every whole number is one floating-point number.
        ((0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0).then_some(number as u64)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl Visitor<'_> for Numbers {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.trim().parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Numbers)
    }
}

/// Text, also where a number stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(de::Error::custom("text is expected")),
        }
    }
}

/// What tells things apart: a number, however it is written, or a word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Number(u64),
    Word(String),
}

impl Id {
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Word(_) => None,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => write!(f, "{:?}", word.chars().take(40).collect::<String>()),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => {
                let whole = number.as_u64().or_else(|| Number(number.as_f64()?).whole());
                // -1 and 1.5 are ids to somebody, too.
                Ok(whole.map_or_else(|| Self::Word(number.to_string()), Self::Number))
            }
            Value::String(text) => {
                let plain = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
                Ok(plain.map_or(Self::Word(text), Self::Number))
            }
            _ => Err(de::Error::custom("an id is a number or text")),
        }
    }
}

/// Parses JSON. Python writes `NaN` and `Infinity`, which JSON does not know: they become `null`, so that only the row with
/// such a number is lost.
///
/// # Errors
/// When it is no JSON of this shape even so.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| match without_nan(text) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    })
}

/// The text with `null` for the words that are no JSON; `None` when it has none.
fn without_nan(text: &str) -> Option<String> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return None;
    }
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('"') {
            let end = end_of_string(rest);
            mended.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(word) = ["-Infinity", "-NaN", "Infinity", "NaN"].into_iter().find(|w| rest.starts_with(w)) {
            mended.push_str("null");
            rest = &rest[word.len()..];
        } else {
            mended.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    mended.push_str(rest);
    Some(mended)
}

/// Where the string that begins `text` ends, its quotes included.
fn end_of_string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    // A backslash may be the last byte; what follows it may begin a longer character, which is then the end of the text.
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_as_written() {
        let id = |text: &str| serde_json::from_str::<Id>(text).map_err(|error| error.to_string());
        assert_eq!(id("7"), Ok(Id::Number(7)));
        assert_eq!(id("7.0"), Ok(Id::Number(7)));
        assert_eq!(id("\"7\""), Ok(Id::Number(7)));
        assert_eq!(id("\"007\""), Ok(Id::Word("007".into())), "leading zeros tell apart");
        assert_eq!(id("18446744073709551615"), Ok(Id::Number(u64::MAX)));
        assert_eq!(id("\"a1\""), Ok(Id::Word("a1".into())));
        assert_eq!(id("-1"), Ok(Id::Word("-1".into())));
        assert!(id("null").is_err() && id("[]").is_err());
        assert_eq!(serde_json::from_str::<Number>("\" 1.5 \"").unwrap(), Number(1.5));
        assert!(serde_json::from_str::<Number>("\"1,5\"").is_err());
        assert_eq!(Number(640.0).whole(), Some(640));
        assert_eq!((Number(0.5).whole(), Number(-1.0).whole(), Number(f64::NAN).whole()), (None, None, None));
    }

    #[test]
    fn what_python_writes() {
        let values: Vec<Option<f64>> = parse("[1, NaN, -Infinity, Infinity, -2]").unwrap();
        assert_eq!(values, [Some(1.0), None, None, None, Some(-2.0)]);
        let words: Vec<Value> = parse(r#"["NaN \" NaN", NaN, "é\\"]"#).unwrap();
        assert_eq!(words, [Value::from("NaN \" NaN"), Value::Null, Value::from("é\\")]);
        assert!(parse::<Value>("{\"NaN\\").is_err());
        assert!(parse::<Value>("[NaNa, \"x\\é").is_err());
    }
}
