//! What is known at a visit: numbers that a model learns from. All of it comes from a [`Past`], which ends at the visit.

use crate::features::{Past, day_circle, week_circle};

/// Numbers of a visit.
pub(super) const COUNT: usize = 28;
/// Visits that are looked back at.
pub(super) const LONG: usize = 28;
const SHORT: usize = 7;
/// Visits by which the time to the next one is guessed.
const GAPS: usize = 20;
/// Visits of one weekday.
const WEEKS: usize = 8;
const DAY: f64 = 86_400.0;
/// Longest time that a number tells of, in days.
const FAR: f64 = 60.0;

/// A visit, and what may be guessed of the next one without learning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) inputs: [f64; COUNT],
    /// When the next visit is to be expected, in microseconds since 1970.
    pub(super) next_visit: i64,
    /// Facings.
    pub(super) now: f64,
    /// The mean on the weekday of the next visit, and how often it was empty then.
    pub(super) weekday_mean: f64,
    pub(super) weekday_empty: f64,
    /// What goes away a day; 0 where nothing is known.
    pub(super) fall_per_day: f64,
    pub(super) days_since_rise: Option<f64>,
    pub(super) days_between_rises: Option<f64>,
    pub(super) empty_fraction: f64,
    /// Days to the next visit.
    pub(super) gap_days: f64,
}

impl Known {
    /// At a visit of this moment, the last of `past`.
    pub(super) fn at(past: &Past<'_>, moment: i64) -> Self {
        let now = past.back(0);
        let or = |value: f64, other: f64| if value.is_finite() { value } else { other };
        let gap = or(past.usual_gap(GAPS), DAY).clamp(60.0, FAR * DAY);
        let next_visit = moment.saturating_add((gap * 1e6) as i64);
        let same = past.on_weekday(next_visit, WEEKS);
        let mean = |of: &dyn Fn(f64) -> f64, other: f64| {
            if same.is_empty() { other } else { same.iter().map(|value| of(*value)).sum::<f64>() / same.len() as f64 }
        };
        let is_empty = |value: f64| f64::from(u8::from(value <= 0.0));
        let weekday_mean = mean(&|value| value, now);
        let weekday_empty = mean(&is_empty, is_empty(now));
        let (fall_short, fall_long) = (or(past.fall_per_day(SHORT), 0.0), or(past.fall_per_day(LONG), 0.0));
        let [mean_short, std_short, min_short, max_short, _] = past.rolling(SHORT);
        let [mean_long, std_long, min_long, max_long, median_long] = past.rolling(LONG);
        let since_rise = Some(past.since_rise() / DAY).filter(|days| days.is_finite());
        let between_rises = Some(past.days_between_rises(LONG)).filter(|days| days.is_finite());
        let empty_fraction = or(past.empty_fraction(LONG), 0.0);
        let gap_days = gap / DAY;
        let left = if fall_long > 0.0 { (now / fall_long).min(FAR) } else { FAR };
        let [week_sin, week_cos] = week_circle(next_visit);
        let [day_sin, day_cos] = day_circle(next_visit);
        let inputs = [
            now,
            or(past.back(1), now),
            or(past.back(2), now),
            or(past.back(SHORT - 1), now),
            or(past.lag(DAY as u32), now),
            or(past.lag(7 * DAY as u32), now),
            mean_short,
            or(std_short, 0.0),
            min_short,
            max_short,
            mean_long,
            or(std_long, 0.0),
            min_long,
            max_long,
            median_long,
            fall_short,
            fall_long,
            since_rise.unwrap_or(FAR).min(FAR),
            between_rises.unwrap_or(FAR).min(FAR),
            gap_days,
            left,
            fall_long * gap_days,
            empty_fraction,
            weekday_mean,
            week_sin,
            week_cos,
            day_sin,
            day_cos,
        ];
        Self {
            inputs,
            next_visit,
            now,
            weekday_mean,
            weekday_empty,
            fall_per_day: fall_long,
            days_since_rise: since_rise,
            days_between_rises: between_rises,
            empty_fraction,
            gap_days,
        }
    }
}
