//! What is said of one place on a shelf, and why.

use serde::{Deserialize, Serialize};

use super::guess::Guess;
use super::inputs::{Known, LONG};
use super::visits::Series;
use crate::table::show_moment;

/// What is said of a SKU on a shelf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// The store.
    pub store: String,
    /// The shelf.
    pub shelf: String,
    /// The SKU.
    pub sku: String,
    /// The last visit, RFC 3339.
    pub seen_at: String,
    /// What it found.
    pub facings: f64,
    /// When the next one is to be expected, by the usual time between two.
    pub next_visit: String,
    /// Facings that it will find.
    pub expected: f64,
    /// At least so many, with the probability of the forecast's `level` for both ends together.
    pub low: f64,
    /// At most so many.
    pub high: f64,
    /// Probability that none is left at the next visit, refilled as before.
    pub probability_empty: f64,
    /// What two plain guesses say: as many as now, and the mean of the same weekday.
    pub last_value: f64,
    /// See `last_value`.
    pub weekday_mean: f64,
    /// What goes away a day, over the last visits.
    pub falls_per_day: f64,
    /// Facings that are lost a day by an empty place, times its probability: by this, places are in order.
    pub priority: f64,
    /// Why, in words.
    pub reasons: Vec<String>,
}

impl Outlook {
    pub(super) fn of(series: &Series, known: &Known, guess: Guess, reach: f64) -> Self {
        let (low, high) = guess.interval(reach);
        let seen_at = series.times.last().copied().unwrap_or_default();
        // What is empty now stays so until somebody fills it.
        let loses = if known.now <= 0.0 { 1.0 } else { guess.empty };
        Self {
            store: series.store.clone(),
            shelf: series.shelf.clone(),
            sku: series.sku.clone(),
            seen_at: show_moment(seen_at),
            facings: known.now,
            next_visit: show_moment(known.next_visit),
            expected: guess.expected,
            low,
            high,
            probability_empty: guess.empty,
            last_value: known.now,
            weekday_mean: known.weekday_mean,
            falls_per_day: known.fall_per_day,
            priority: loses * known.fall_per_day,
            reasons: reasons(known, series.times.len()),
        }
    }
}

fn reasons(known: &Known, visits: usize) -> Vec<String> {
    let mut reasons = Vec::new();
    let falls = known.fall_per_day;
    let seen = visits.min(LONG);
    if falls <= 0.0 {
        reasons.push(format!("nothing was taken in the last {seen} visits"));
    } else if known.now <= 0.0 {
        reasons.push(format!("empty now, and {falls:.1} a day are taken when there are some"));
    } else {
        let days = known.now / falls;
        reasons.push(format!("{:.0} left, {falls:.1} a day are taken: enough for {days:.1} days", known.now));
    }
    reasons.push(format!("the next visit is {:.1} days away", known.gap_days));
    if known.empty_fraction > 0.0 {
        let empty = (known.empty_fraction * seen as f64).round();
        reasons.push(format!("empty at {empty:.0} of the last {seen} visits"));
    }
    match (known.days_since_rise, known.days_between_rises) {
        (Some(since), Some(between)) => {
            reasons.push(format!("refilled {since:.1} days ago, every {between:.1} days on average"));
        }
        (Some(since), None) => reasons.push(format!("refilled {since:.1} days ago")),
        (None, _) => reasons.push("never seen refilled".to_owned()),
    }
    reasons
}
