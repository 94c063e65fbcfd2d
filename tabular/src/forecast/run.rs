//! From a table of counts to what is said of every place.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision::Cancel;

use super::inputs::Known;
use super::judge::{Lesson, Measured, judge, learn};
use super::outlook::Outlook;
use super::visits::{ForecastError, MIN_LESSONS, Series, Visits};
use crate::features::Past;
use crate::learn::Run;
use crate::table::Table;

/// Places that are told of, at most: the most urgent.
const MAX_OUTLOOKS: usize = 5_000;

/// How to foretell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastOptions {
    /// Probability with which an interval holds what is found, .5 to .99.
    pub level: f64,
    /// Another seed, other trees.
    pub seed: u64,
}

impl Default for ForecastOptions {
    fn default() -> Self {
        Self { level: 0.9, seed: 42 }
    }
}

impl ForecastOptions {
    /// Whether they make sense.
    ///
    /// # Errors
    /// When the level is out of its range.
    pub fn check(&self) -> Result<(), ForecastError> {
        if (0.5..=0.99).contains(&self.level) {
            return Ok(());
        }
        Err(ForecastError::Option { name: "level", value: self.level, must: "0.5 to 0.99" })
    }
}

/// What is said of all places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Whether rows of the table were made up.
    pub synthetic: bool,
    /// Probability with which an interval holds what is found.
    pub level: f64,
    /// Visits that were learned from.
    pub visits: usize,
    /// SKUs on shelves.
    pub places: usize,
    /// Rows without a moment or a count, which were left out.
    pub rows_left_out: usize,
    /// How good such forecasts were on visits that were not learned from.
    pub measured: Measured,
    /// The most urgent first, five thousand at most.
    pub outlooks: Vec<Outlook>,
}

/// Foretells what stands on each shelf at the next visit. `progress` is told in words what is done.
///
/// # Errors
/// When the table is none of counts, has too few visits, or nobody waits any more.
pub fn forecast(
    table: &Table,
    options: &ForecastOptions,
    cancel: &Cancel,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Forecast, ForecastError> {
    options.check()?;
    let Visits { series, left_out, synthetic } = Visits::of(table)?;
    let mut lessons: Vec<Lesson> = series.par_iter().flat_map_iter(lessons).collect();
    if lessons.len() < MIN_LESSONS {
        return Err(ForecastError::FewVisits { found: lessons.len(), needed: MIN_LESSONS });
    }
    // Stable, and the series are in order: the same table gives the same forecast.
    lessons.sort_by_key(|lesson| lesson.made_at);
    progress(&format!("{} visits of {} places", lessons.len(), series.len()));
    let run = Run::quiet(options.seed, cancel);
    let judged = judge(&lessons, options.level, &run)?;
    let quality = judged.measured.model;
    progress(&format!(
        "measured on {} later visits: off by {:.2} facings, {:.1} % of intervals hold what was found",
        judged.measured.rows,
        quality.mae,
        quality.coverage * 100.0
    ));
    let model = learn(&lessons, i64::MAX, &run)?;
    let now: Vec<Known> = series.par_iter().map(|series| known(series, series.times.len() - 1)).collect();
    let inputs: Vec<_> = now.iter().map(|known| &known.inputs).collect();
    let guesses = model.guess(&inputs);
    let told = series.iter().zip(&now).zip(guesses);
    let mut outlooks: Vec<Outlook> =
        told.map(|((series, known), guess)| Outlook::of(series, known, guess, judged.reach)).collect();
    let urgency = |outlook: &Outlook| (outlook.priority, outlook.probability_empty);
    outlooks.sort_by(|a, b| {
        let (a, b) = (urgency(a), urgency(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let places = outlooks.len();
    outlooks.truncate(MAX_OUTLOOKS);
    Ok(Forecast {
        synthetic,
        level: options.level,
        visits: lessons.len(),
        places,
        rows_left_out: left_out,
        measured: judged.measured,
        outlooks,
    })
}

/// Every visit of a series that another one followed.
fn lessons(series: &Series) -> Vec<Lesson> {
    (1..series.times.len())
        .map(|next| Lesson {
            known: known(series, next - 1),
            made_at: series.times[next - 1],
            known_at: series.times[next],
            found: series.values[next],
        })
        .collect()
}

fn known(series: &Series, visit: usize) -> Known {
    Known::at(&Past::at(&series.times, &series.values, visit), series.times[visit])
}
