//! The three parts of a split and their ratios.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an image is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Learning.
    Train,
    /// Choosing between models, thresholds and epochs.
    Val,
    /// Measuring once, at the end.
    Test,
}

impl Part {
    /// All parts, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// `train`, `val` or `test`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Ratios of train, val and test. They sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios([f64; 3]);

/// Numbers that are no ratios.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParseRatiosError {
    /// Not `a/b/c`.
    #[error("ratios {0:?} are not understood: use TRAIN/VAL/TEST such as .70/.15/.15, or TRAIN/VAL")]
    Text(String),
    /// They do not divide the whole.
    #[error("ratios {0:?} sum to {1}, not 1")]
    Sum(String, f64),
}

impl Default for Ratios {
    fn default() -> Self {
        Self([0.70, 0.15, 0.15])
    }
}

impl Ratios {
    /// Ratios of train, val and test.
    ///
    /// # Errors
    /// When one is negative or not finite, train's is 0, or they do not sum to 1 within 1e-6.
    pub fn new(ratios: [f64; 3]) -> Result<Self, ParseRatiosError> {
        let text = || ratios.map(|s| s.to_string()).join("/");
        if !ratios.iter().all(|s| *s >= 0.0 && s.is_finite()) || ratios[0] == 0.0 {
            return Err(ParseRatiosError::Text(text()));
        }
        let sum: f64 = ratios.iter().sum();
        if (sum - 1.0).abs() > 1e-6 { Err(ParseRatiosError::Sum(text(), sum)) } else { Ok(Self(ratios)) }
    }

    /// The fraction of a part.
    #[must_use]
    pub const fn of(&self, part: Part) -> f64 {
        self.0[part as usize]
    }

    /// The part under which a position in `0..1` falls.
    #[must_use]
    pub fn part_at(&self, position: f64) -> Part {
        let mut end = 0.0;
        for part in Part::ALL {
            end += self.of(part);
            if position < end {
                return part;
            }
        }
        // Rounding can leave a crumb above the sum: it belongs to the last part that has a fraction.
        Part::ALL.into_iter().rev().find(|part| self.of(*part) > 0.0).unwrap_or(Part::Train)
    }
}

impl FromStr for Ratios {
    type Err = ParseRatiosError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseRatiosError::Text(text.chars().take(60).collect());
        let ratios: Vec<f64> =
            text.split('/').map(|s| s.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match ratios[..] {
            [train, val] => Self::new([train, val, 0.0]),
            [train, val, test] => Self::new([train, val, test]),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.0[0], self.0[1], self.0[2])
    }
}

impl Serialize for Ratios {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ratios {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Deserialize::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios() {
        let check = |text: &str, expected: Option<[f64; 3]>| {
            assert_eq!(text.parse().ok(), expected.map(Ratios), "{text}");
        };
        check(".70/.15/.15", Some([0.7, 0.15, 0.15]));
        check("0.8 / 0.2", Some([0.8, 0.2, 0.0]));
        check("1/0/0", Some([1.0, 0.0, 0.0]));
        check(".7/.2/.2", None);
        check("0/.5/.5", None);
        check("1.5/-.5/0", None);
        check("NaN/.5/.5", None);
        check(".7", None);
        check("", None);
    }

    #[test]
    fn positions() {
        let ratios: Ratios = ".7/.3".parse().unwrap();
        let check = |position: f64, expected: Part| assert_eq!(ratios.part_at(position), expected, "{position}");
        check(0.0, Part::Train);
        check(0.699, Part::Train);
        check(0.7, Part::Val);
        check(0.999_999_999_999_999_9, Part::Val);
    }
}
