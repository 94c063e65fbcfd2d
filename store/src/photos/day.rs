//! Days and months of UTC, which has no daylight saving.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::model::Timestamp;

/// Milliseconds.
const DAY: i64 = 86_400_000;
/// The last day that is taken: 9999-12-31.
const LAST: i64 = 2_932_896;

/// A day: its number since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// A month: 12 times the year, and the month from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i64);

/// No day, or no month.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no {what} of the calendar")]
pub struct ParsePeriodError {
    text: String,
    what: &'static str,
}

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.div_euclid(DAY))
    }

    /// Its first millisecond.
    #[must_use]
    pub fn begin(self) -> Timestamp {
        self.0.saturating_mul(DAY)
    }

    /// The first millisecond after it.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.next().begin()
    }

    /// The day after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its month.
    #[must_use]
    pub fn month(self) -> Month {
        let (year, month, _) = civil(self.0);
        Month(year * 12 + month - 1)
    }
}

impl Month {
    /// The month of a moment.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Day::of(at).month()
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> Day {
        Day(days(self.0.div_euclid(12), self.0.rem_euclid(12) + 1, 1))
    }

    /// The first millisecond after it.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.next().first().begin()
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The month before it.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0 - 1)
    }
}

/// Days since 1970 of a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of days since 1970, by the same source.
fn civil(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// Whole numbers of so many digits, between hyphens.
fn parts<const N: usize>(text: &str, digits: [usize; N]) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split('-');
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

impl FromStr for Day {
    type Err = ParsePeriodError;

    fn from_str(text: &str) -> Result<Self, ParsePeriodError> {
        let sound = || {
            let [year, month, day] = parts(text, [4, 2, 2])?;
            let found = Self(days(year, month, day));
            // 2026-02-30 is another day than it says.
            ((1..=12).contains(&month) && (0..=LAST).contains(&found.0) && found.to_string() == text).then_some(found)
        };
        sound()
            .ok_or_else(|| ParsePeriodError { text: crate::error::shorten(text), what: "day (YYYY-MM-DD, from 1970)" })
    }
}

impl FromStr for Month {
    type Err = ParsePeriodError;

    fn from_str(text: &str) -> Result<Self, ParsePeriodError> {
        let sound = || {
            let [year, month] = parts(text, [4, 2])?;
            ((1..=12).contains(&month) && year >= 1970).then_some(Self(year * 12 + month - 1))
        };
        sound()
            .ok_or_else(|| ParsePeriodError { text: crate::error::shorten(text), what: "month (YYYY-MM, from 1970)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_those_of_the_calendar() {
        // date -u -d YYYY-MM-DD +%s, divided by 86400
        for (text, number) in [
            ("1970-01-01", 0),
            ("2000-02-29", 11_016),
            ("2026-03-29", 20_541), // summer time begins in Europe, not in UTC
            ("2026-11-30", 20_787),
            ("2100-03-01", 47_541),
            ("9999-12-31", LAST),
        ] {
            let day: Day = text.parse().expect("a day");
            assert_eq!((day, day.to_string().as_str()), (Day(number), text));
            assert_eq!(Day::of(day.begin()), day);
            assert_eq!(Day::of(day.end() - 1), day);
            assert_eq!(day.end() - day.begin(), 86_400_000);
        }
        for text in ["2026-02-29", "2026-13-01", "2026-1-1", "2026-01-01T00:00", "", "1969-12-31", "+026-01-01"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        for number in -1_000_000..1_000_000_i64 {
            let (year, month, day) = civil(number);
            assert_eq!(days(year, month, day), number);
        }
        let month: Month = "2026-12".parse().expect("a month");
        assert_eq!(
            (month.next().to_string(), month.before().to_string()),
            ("2027-01".to_owned(), "2026-11".to_owned())
        );
        assert_eq!(month.first().to_string(), "2026-12-01");
        assert_eq!(Month::of(month.end() - 1), month);
        assert_eq!(Month::of(month.end()), month.next());
        for text in ["2026", "2026-13", "2026-00", "2026-1", "26-01"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
