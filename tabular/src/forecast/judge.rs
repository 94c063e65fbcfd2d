//! How good guesses are, measured on visits later than all that was learned from.

use serde::{Deserialize, Serialize};

use super::conformal::reach;
use super::guess::Guess;
use super::inputs::Known;
use super::learned::Learned;
use super::visits::{ForecastError, MIN_LESSONS};
use crate::learn::Run;
use crate::table::show_moment;

/// Visits that are learned from at most: the latest.
const MAX_LEARNED: usize = 100_000;
/// Visits that are learned from at least.
const MIN_LEARNED: usize = 50;
/// Later scores tell more of what comes: so many of the latest count.
const MAX_SCORES: usize = 5_000;
/// Where the visits are divided, as fractions of all of them: the first part is only learned from, the second only tells how far guesses
/// are off, and each of the others is judged by what was learned and measured before it.
const PARTS: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// Bins of probabilities.
const BINS: usize = 10;

/// A visit with what the next one found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lesson {
    pub(super) known: Known,
    /// When it was.
    pub(super) made_at: i64,
    /// When the next one was: nothing can be learned of it before.
    pub(super) known_at: i64,
    /// Facings at the next one.
    pub(super) found: f64,
}

/// Who guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Model,
    LastValue,
    WeekdayMean,
}

const METHODS: [Method; 3] = [Method::Model, Method::LastValue, Method::WeekdayMean];

impl Method {
    fn guess(self, known: &Known, by_model: Guess) -> Guess {
        let is_empty = f64::from(u8::from(known.now <= 0.0));
        match self {
            Self::Model => by_model,
            Self::LastValue => Guess { expected: known.now, spread: 1.0, empty: is_empty },
            Self::WeekdayMean => Guess { expected: known.weekday_mean, spread: 1.0, empty: known.weekday_empty },
        }
    }
}

/// How good guesses were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Mean absolute error, in facings.
    pub mae: f64,
    /// Mean squared error of the probability of an empty place (Brier 1950): 0 is best.
    pub brier: f64,
    /// Fraction of intervals that held what was found.
    pub coverage: f64,
    /// Mean width of the intervals, in facings.
    pub mean_width: f64,
}

/// Of the visits for which so much was said: how often it came to pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Visits.
    pub rows: usize,
    /// Mean probability of an empty place.
    pub said: f64,
    /// Fraction of them that were empty.
    pub found: f64,
}

/// What was measured on reserved visits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Visits that were judged.
    pub rows: usize,
    /// The first of them, RFC 3339.
    pub from: String,
    /// The last of them.
    pub until: String,
    /// Fraction of them after which the place was empty.
    pub empty_fraction: f64,
    /// The model's guesses.
    pub model: Quality,
    /// As many as last time.
    pub last_value: Quality,
    /// As many as on the same weekday before, on the mean.
    pub weekday_mean: Quality,
    /// By tenths of the probability that was said; tenths without visits are left out.
    pub calibration: Vec<Bin>,
}

/// What was measured, and how far an interval of the model must reach, in its own spreads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub(super) measured: Measured,
    pub(super) reach: f64,
}

/// Judges guesses on the later half of the lessons, which are in order of time.
pub(super) fn judge(lessons: &[Lesson], level: f64, run: &Run<'_>) -> Result<Judged, ForecastError> {
    let edges = PARTS.map(|fraction| edge(lessons, fraction));
    let mut scores: [Vec<f64>; 3] = Default::default();
    let mut sums = [Sums::default(); 3];
    let mut calibration = [(0_usize, 0.0, 0.0); BINS];
    let mut judged = 0..0;
    for (part, bounds) in edges.windows(2).enumerate() {
        let (from, until) = (bounds[0], bounds[1]);
        let Some(first) = lessons.get(from).filter(|_| from < until) else { continue };
        let learned = learn(&lessons[..from], first.made_at, run)?;
        let later = &lessons[from..until];
        let inputs: Vec<_> = later.iter().map(|lesson| &lesson.known.inputs).collect();
        let by_model = learned.guess(&inputs);
        for (at, method) in METHODS.into_iter().enumerate() {
            let recent = &scores[at][scores[at].len().saturating_sub(MAX_SCORES)..];
            let reach = if part == 0 { None } else { reach(recent, level) };
            let mut new = Vec::with_capacity(later.len());
            for (lesson, told) in later.iter().zip(&by_model) {
                let guess = method.guess(&lesson.known, *told);
                new.push(guess.score(lesson.found));
                let Some(reach) = reach else { continue };
                sums[at].add(&guess, guess.interval(reach), lesson.found);
                if method == Method::Model {
                    let bin = ((guess.empty * BINS as f64) as usize).min(BINS - 1);
                    let is_empty = f64::from(u8::from(lesson.found <= 0.0));
                    calibration[bin].0 += 1;
                    calibration[bin].1 += guess.empty;
                    calibration[bin].2 += is_empty;
                }
            }
            if method == Method::Model && reach.is_some() {
                judged = if judged.is_empty() { from..until } else { judged.start..until };
            }
            scores[at].extend(new);
        }
    }
    let few = ForecastError::FewVisits { found: lessons.len(), needed: MIN_LESSONS };
    let latest = &scores[0][scores[0].len().saturating_sub(MAX_SCORES)..];
    let reach = reach(latest, level).ok_or_else(|| few.clone())?;
    let (Some(first), Some(last)) = (lessons.get(judged.start), lessons[..judged.end].last()) else { return Err(few) };
    if sums[0].rows == 0 {
        return Err(few);
    }
    let empties = lessons[judged.clone()].iter().filter(|lesson| lesson.found <= 0.0).count();
    let [model, last_value, weekday_mean] = sums.map(Sums::quality);
    let bin =
        |(rows, said, found): (usize, f64, f64)| Bin { rows, said: said / rows as f64, found: found / rows as f64 };
    let measured = Measured {
        rows: sums[0].rows,
        from: show_moment(first.made_at),
        until: show_moment(last.made_at),
        empty_fraction: empties as f64 / sums[0].rows as f64,
        model,
        last_value,
        weekday_mean,
        calibration: calibration.into_iter().filter(|(rows, ..)| *rows > 0).map(bin).collect(),
    };
    Ok(Judged { measured, reach })
}

/// Learns from the latest lessons whose outcome was known at a moment.
pub(super) fn learn(lessons: &[Lesson], moment: i64, run: &Run<'_>) -> Result<Learned, ForecastError> {
    let known = lessons.iter().rev().filter(|lesson| lesson.known_at <= moment).take(MAX_LEARNED);
    let (inputs, found): (Vec<_>, Vec<f64>) = known.map(|lesson| (&lesson.known.inputs, lesson.found)).unzip();
    if found.len() < MIN_LEARNED {
        return Err(ForecastError::FewVisits { found: found.len(), needed: MIN_LEARNED });
    }
    Ok(Learned::learn(&inputs, &found, run)?)
}

/// The place at a fraction of the lessons, moved on to where a new moment begins.
fn edge(lessons: &[Lesson], fraction: f64) -> usize {
    let mut at = (fraction * lessons.len() as f64) as usize;
    while at > 0 && at < lessons.len() && lessons[at].made_at == lessons[at - 1].made_at {
        at += 1;
    }
    at
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rows: usize,
    absolute: f64,
    brier: f64,
    covered: usize,
    width: f64,
}

impl Sums {
    fn add(&mut self, guess: &Guess, (low, high): (f64, f64), found: f64) {
        self.rows += 1;
        self.absolute += (guess.expected - found).abs();
        self.brier += (guess.empty - f64::from(u8::from(found <= 0.0))).powi(2);
        self.covered += usize::from((low..=high).contains(&found));
        self.width += high - low;
    }

    fn quality(self) -> Quality {
        let rows = self.rows as f64;
        Quality {
            mae: self.absolute / rows,
            brier: self.brier / rows,
            coverage: self.covered as f64 / rows,
            mean_width: self.width / rows,
        }
    }
}
