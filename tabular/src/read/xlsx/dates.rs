//! Days since 1900 (or 1904), which cells show as dates when their format says so.

const DAY: f64 = 86_400e6;
/// Days from the beginning of 1900's calendar, which has a 29th of February, to 1970.
const TO_1970: f64 = 25_569.0;
/// Days between both calendars.
const TO_1904: f64 = 1_462.0;
/// The day after the one that there never was.
const MARCH_1900: f64 = 61.0;

/// The moment of a day, in microseconds since 1970; none of times of day and of what lies beyond the calendar.
pub(super) fn moment(days: f64, from_1904: bool) -> Option<i64> {
    if !(1.0..2_958_466.0).contains(&days) {
        return None;
    }
    let days = if from_1904 { days + TO_1904 } else { days };
    let days = if !from_1904 && days < MARCH_1900 { days + 1.0 } else { days };
    // Milliseconds are what such a number can hold.
    Some(((days - TO_1970) * DAY / 1e3).round() as i64 * 1_000)
}

/// Whether a format that is built in shows dates.
pub(super) fn is_date(format: u32) -> bool {
    matches!(format, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// Whether the code of a format shows dates: it has a letter of them outside quotes, brackets and escapes.
pub(super) fn shows_dates(code: &str) -> bool {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for letter in code.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => bracketed = true,
            ']' => bracketed = false,
            // The first part is for positive numbers.
            ';' if !quoted => return false,
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' if !quoted && !bracketed => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::show_moment;

    #[test]
    fn days_are_moments() {
        for (days, from_1904, expected) in [
            (45_992.0, false, Some("2025-12-01T00:00:00Z")),
            (45_992.5, false, Some("2025-12-01T12:00:00Z")),
            (44_530.25, true, Some("2025-12-01T06:00:00Z")),
            (61.0, false, Some("1900-03-01T00:00:00Z")),
            (59.0, false, Some("1900-02-28T00:00:00Z")),
            (0.5, false, None),
            (-1.0, false, None),
            (1e300, false, None),
            (f64::NAN, false, None),
        ] {
            assert_eq!(moment(days, from_1904).map(show_moment).as_deref(), expected, "{days}");
        }
    }

    #[test]
    fn formats_of_dates_are_told_from_others() {
        for (code, expected) in [
            ("yyyy-mm-dd", true),
            ("[$-409]d/m/yy;@", true),
            ("hh:mm", true),
            ("0.00", false),
            ("#,##0\\ \"days\"", false),
            ("[Red]0", false),
            ("General", false),
            ("0_m", false),
        ] {
            assert_eq!(shows_dates(code), expected, "{code}");
        }
    }
}
