//! Moments in cells: ISO 8601 dates and times, as microseconds since 1970.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};

/// Reads `2026-11-30`, `2026-11-30 09:30[:15[.250]]` or the same with `T` and an offset; without an offset it is UTC. Other orders of
/// day and month are not guessed at.
#[must_use]
pub fn parse_moment(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    // Cheap refusal first: most cells of most columns are no dates.
    if !(10..=35).contains(&bytes.len()) || bytes[4] != b'-' || bytes[7] != b'-' || !bytes[0].is_ascii_digit() {
        return None;
    }
    if bytes.len() == 10 {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_micros());
    }
    let zoned = ["%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%d %H:%M%:z"];
    if let Some(moment) = zoned.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()) {
        return Some(moment.timestamp_micros());
    }
    let plain = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let moment = plain.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(moment.and_utc().timestamp_micros())
}

/// A moment as RFC 3339 in UTC, with as many digits of a second as it has. Beyond the calendar: the plain number.
#[must_use]
pub fn show_moment(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests {
    use super::{parse_moment, show_moment};

    #[test]
    fn moments_are_read_and_shown() {
        let day = 1_764_460_800_000_000; // date -u -d 2025-11-30 +%s
        for (text, expected) in [
            ("2025-11-30", Some(day)),
            ("2025-11-30 00:00", Some(day)),
            ("2025-11-30T01:00:00+01:00", Some(day)),
            ("2025-11-30 01:00:00+01:00", Some(day)),
            ("2025-11-30T00:00:01.250Z", Some(day + 1_250_000)),
            ("30-11-2025", None),
            ("2025-13-01", None),
            ("2025-11-30x", None),
            ("", None),
        ] {
            assert_eq!(parse_moment(text), expected, "{text}");
        }
        assert_eq!(show_moment(day + 1_250_000), "2025-11-30T00:00:01.250Z");
        assert_eq!(parse_moment(&show_moment(day + 1)), Some(day + 1));
    }
}
