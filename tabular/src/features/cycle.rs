//! Times of day and week as points on a circle: 23:59 is beside 00:00.

use std::f64::consts::TAU;

const DAY: i64 = 86_400_000_000;
/// 1970 began on a Thursday; weeks begin on Mondays.
const MONDAY: i64 = 3 * DAY;

/// Sine and cosine of the time of day (UTC).
pub(crate) fn day(micros: i64) -> [f64; 2] {
    circle(micros.rem_euclid(DAY) as f64 / DAY as f64)
}

/// Sine and cosine of the time of the week (UTC), from Monday 00:00.
pub(crate) fn week(micros: i64) -> [f64; 2] {
    circle(micros.saturating_add(MONDAY).rem_euclid(7 * DAY) as f64 / (7 * DAY) as f64)
}

fn circle(part: f64) -> [f64; 2] {
    [(TAU * part).sin(), (TAU * part).cos()]
}
