//! One series up to the present row.

use crate::stats::{ascending, mean, quantile, variance};

/// The moments (microseconds since 1970, ascending) and values of one series up to the present row, which is the last. A missing value is
/// NaN. There is no way from here to a later row.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    times: &'a [i64],
    values: &'a [f64],
}

const MICROS: f64 = 1e6;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

impl<'a> Past<'a> {
    /// What is known at row `now` of a series.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn at(times: &'a [i64], values: &'a [f64], now: usize) -> Self {
        Self { times: &times[..=now], values: &values[..=now] }
    }

    fn now(&self) -> i64 {
        self.times[self.times.len() - 1]
    }

    fn value(&self) -> f64 {
        self.values[self.values.len() - 1]
    }

    /// The value that was the last one known so many seconds ago; NaN before the series begins.
    #[must_use]
    pub fn lag(&self, seconds: u32) -> f64 {
        let then = self.now().saturating_sub(i64::from(seconds) * 1_000_000);
        let before = self.times.partition_point(|time| *time <= then);
        before.checked_sub(1).map_or(f64::NAN, |row| self.values[row])
    }

    /// Known values of the last rows, the present one included.
    fn window(&self, rows: usize) -> Vec<f64> {
        let start = self.values.len().saturating_sub(rows);
        self.values[start..].iter().copied().filter(|value| !value.is_nan()).collect()
    }

    /// Mean, standard deviation (of a sample), smallest, largest and median of the last rows, as far as there are any.
    #[must_use]
    pub fn rolling(&self, rows: usize) -> [f64; 5] {
        let window = ascending(self.window(rows));
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        [mean(&window), variance(&window, 1).sqrt(), end(window.first()), end(window.last()), quantile(&window, 0.5)]
    }

    /// Change a second since the row before; NaN at the first row and within one moment.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let Some(before) = self.before() else { return f64::NAN };
        (self.value() - before.value()) / self.seconds_since(&before)
    }

    /// Change of the rate, a second.
    #[must_use]
    pub fn acceleration(&self) -> f64 {
        let Some(before) = self.before() else { return f64::NAN };
        (self.rate() - before.rate()) / self.seconds_since(&before)
    }

    /// How far the value lies from the median of the rows before, in robust standard deviations (1.4826 median absolute deviations); NaN
    /// where these do not differ.
    #[must_use]
    pub fn robust_z(&self, rows: usize) -> f64 {
        const OF_A_NORMAL: f64 = 1.4826;
        let Some(before) = self.before() else { return f64::NAN };
        let window = ascending(before.window(rows));
        let median = quantile(&window, 0.5);
        let deviation = quantile(&ascending(window.iter().map(|value| (value - median).abs())), 0.5);
        let z = (self.value() - median) / (OF_A_NORMAL * deviation);
        if z.is_finite() { z } else { f64::NAN }
    }

    /// Seconds since the value last rose: since the last restock, of a count. NaN where it did not in the last 10,000 rows.
    #[must_use]
    pub fn since_rise(&self) -> f64 {
        const ROWS: usize = 10_000;
        let rose = (1..self.values.len()).rev().take(ROWS).find(|row| self.values[*row] > self.values[*row - 1]);
        rose.map_or(f64::NAN, |row| (self.now() - self.times[row]) as f64 / MICROS)
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// The value so many rows ago; NaN before the series begins.
    #[must_use]
    pub fn back(&self, rows: usize) -> f64 {
        (self.values.len() - 1).checked_sub(rows).map_or(f64::NAN, |row| self.values[row])
    }

    /// The last rows: at least two where there are two, one after the other.
    fn tail(&self, rows: usize) -> (&'a [i64], &'a [f64]) {
        let start = self.values.len().saturating_sub(rows.max(2));
        (&self.times[start..], &self.values[start..])
    }

    /// What went away a day over the last rows: all falls between neighbours, by the days between first and last; NaN of no time.
    #[must_use]
    pub fn fall_per_day(&self, rows: usize) -> f64 {
        let (times, values) = self.tail(rows);
        let falls: f64 = values.windows(2).map(|pair| (pair[0] - pair[1]).max(0.0)).sum();
        let per_day = falls / days(times);
        if per_day.is_finite() { per_day } else { f64::NAN }
    }

    /// Days between two rises over the last rows; NaN where there was none.
    #[must_use]
    pub fn days_between_rises(&self, rows: usize) -> f64 {
        let (times, values) = self.tail(rows);
        let rises = values.windows(2).filter(|pair| pair[1] > pair[0]).count();
        if rises == 0 { f64::NAN } else { days(times) / rises as f64 }
    }

    /// The fraction of the last rows whose value is 0 or less.
    #[must_use]
    pub fn empty_fraction(&self, rows: usize) -> f64 {
        let window = self.window(rows);
        window.iter().filter(|value| **value <= 0.0).count() as f64 / window.len() as f64
    }

    /// The median time between two of the last rows, in seconds; NaN of one row.
    #[must_use]
    pub fn usual_gap(&self, rows: usize) -> f64 {
        let (times, _) = self.tail(rows);
        quantile(&ascending(times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / MICROS)), 0.5)
    }

    /// The values of the last rows on the weekday (UTC) of a moment, the latest first.
    #[must_use]
    pub fn on_weekday(&self, moment: i64, rows: usize) -> Vec<f64> {
        /// Rows that are looked at.
        const FAR: usize = 400;
        let weekday = |moment: i64| moment.div_euclid(DAY).rem_euclid(7);
        let wanted = weekday(moment);
        let same = self.times.iter().zip(self.values).rev().take(FAR).filter(|(time, _)| weekday(**time) == wanted);
        same.map(|(_, value)| *value).filter(|value| !value.is_nan()).take(rows).collect()
    }

    fn before(&self) -> Option<Self> {
        let last = self.times.len() - 1;
        (last > 0).then(|| Self { times: &self.times[..last], values: &self.values[..last] })
    }

    /// NaN where it is no time at all.
    fn seconds_since(&self, before: &Self) -> f64 {
        let seconds = (self.now() - before.now()) as f64 / MICROS;
        if seconds > 0.0 { seconds } else { f64::NAN }
    }
}

/// Days between the first and the last moment.
fn days(times: &[i64]) -> f64 {
    match (times.first(), times.last()) {
        (Some(first), Some(last)) => (last - first) as f64 / DAY as f64,
        _ => 0.0,
    }
}
