//! Similarity thresholds for a wanted false-accept rate: one for all SKUs, and one each where there is enough evidence.
//!
//! A false accept of SKU `s` is a crop that is not of `s` but whose best candidate is `s` at or above the threshold.
//! Evidence comes from two sides. Crops of no enrolled SKU say it directly. A crop of an enrolled SKU says it when its own
//! SKU is struck from the list: its best *other* candidate is what would have answered, had it not been enrolled.

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

use crate::QuerySet;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationGoal {
    /// Fraction of impostors that may be accepted, in `0..1`.
    pub false_accept_rate: f64,
    /// Impostors a SKU must have seen for a threshold of its own; others use the global one. One in
    /// `1 / false_accept_rate` must be able to pass, or the estimate is only an extreme value.
    pub min_impostors: usize,
}

impl Default for CalibrationGoal {
    fn default() -> Self {
        Self { false_accept_rate: 0.01, min_impostors: 100 }
    }
}

/// Why no threshold can be given.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum CalibrationError {
    /// Not a fraction.
    #[error("the false-accept rate is {0}, but it must lie above 0 and below 1")]
    Rate(f64),
    /// No crop could be falsely accepted.
    #[error("no crop could be falsely accepted: give crops of unknown products, or enrol at least two SKUs")]
    NoImpostors,
    /// No crop of an enrolled SKU.
    #[error("no crop of an enrolled SKU: what a threshold costs cannot be said")]
    NoKnown,
}

/// What a threshold does to the crops at hand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trade {
    /// Minimum similarity that is accepted.
    pub threshold: f64,
    /// Impostors accepted.
    pub false_accept_rate: f64,
    /// Known crops rightly identified and accepted.
    pub identified: f64,
    /// Known crops wrongly identified and accepted.
    pub misidentified: f64,
    /// Known crops sent to a person.
    pub rejected: f64,
}

/// The threshold of one SKU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkuThreshold {
    /// Index of the SKU.
    pub sku: u32,
    /// Crops of it.
    pub support: usize,
    /// Impostors whose best candidate it was.
    pub impostors: usize,
    /// Whether there were enough for a threshold of its own.
    pub own: bool,
    /// What its threshold does. Rates without a crop to judge by are 0.
    pub trade: Trade,
}

/// The result of a calibration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thresholds {
    /// One for all.
    pub global: Trade,
    /// Per SKU, by index.
    pub skus: Vec<SkuThreshold>,
    /// What the per-SKU thresholds do together (`threshold` is their mean).
    pub together: Trade,
    /// What was in force before, for comparison.
    pub before: Option<Trade>,
    /// What other thresholds for all SKUs would do, from the lowest similarity seen to just above the highest.
    pub curve: Vec<Trade>,
}

/// Points of [`Thresholds::curve`], the last one not counted.
const CURVE: u32 = 200;

/// Thresholds that hold already.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InForce {
    /// For all SKUs but these.
    pub threshold: f64,
    /// Of single SKUs, by index.
    pub skus: BTreeMap<u32, f64>,
}

/// Finds them. `before` is what is now in force.
///
/// # Errors
/// When the rate is no fraction, or there are no impostors or no known crops.
pub fn calibrate(
    set: &QuerySet,
    goal: CalibrationGoal,
    before: Option<&InForce>,
) -> Result<Thresholds, CalibrationError> {
    let rate = goal.false_accept_rate;
    if !(rate > 0.0 && rate < 1.0) {
        return Err(CalibrationError::Rate(rate));
    }
    let evidence = Evidence::collect(set);
    if evidence.impostors.is_empty() {
        return Err(CalibrationError::NoImpostors);
    }
    if evidence.known.is_empty() {
        return Err(CalibrationError::NoKnown);
    }
    let all: Vec<f64> = evidence.impostors.iter().map(|i| i.1).collect();
    let global = min_threshold(all, rate);
    let skus = set.skus().len();
    let mut impostors = vec![Vec::new(); skus];
    for &(sku, similarity) in &evidence.impostors {
        impostors[sku as usize].push(similarity);
    }
    let chosen: Vec<(f64, bool)> = impostors
        .iter()
        .map(|seen| {
            let own = seen.len() >= goal.min_impostors.max(1);
            (if own { min_threshold(seen.clone(), rate) } else { global }, own)
        })
        .collect();
    let per_sku = |sku: u32| {
        let (threshold, own) = chosen[sku as usize];
        let support = evidence.known.iter().filter(|k| k.truth == sku).count();
        let trade = evidence.trade(threshold, |_| threshold, Some(sku));
        SkuThreshold { sku, support, impostors: impostors[sku as usize].len(), own, trade }
    };
    let mean = chosen.iter().map(|c| c.0).sum::<f64>() / chosen.len().max(1) as f64;
    Ok(Thresholds {
        global: evidence.trade(global, |_| global, None),
        skus: (0..skus as u32).map(per_sku).collect(),
        together: evidence.trade(mean, |sku| chosen[sku as usize].0, None),
        before: before.map(|InForce { threshold, skus }| {
            evidence.trade(*threshold, |sku| skus.get(&sku).copied().unwrap_or(*threshold), None)
        }),
        curve: evidence.curve(),
    })
}

/// Smallest threshold with which at most `rate` of the similarities are accepted: just above the first one too many. Rounded
/// up to what a configuration shows (.0001 in `0..=1`) before anything is said about it, so that what is reported is what
/// will be in force.
fn min_threshold(mut similarities: Vec<f64>, rate: f64) -> f64 {
    similarities.sort_by(|a, b| b.total_cmp(a));
    // The product may lie a rounding error below a whole number (0.29 * 100).
    let allowed = (rate * similarities.len() as f64 + 1e-9).floor() as usize;
    let Some(&first_too_many) = similarities.get(allowed) else { return 0.0 };
    let steps = (first_too_many * 1e4).ceil();
    // On a whole step, or next to one that the product was rounded to.
    let above = if steps / 1e4 > first_too_many { steps } else { steps + 1.0 };
    (above / 1e4).clamp(0.0, 1.0)
}

struct Known {
    truth: u32,
    best: Option<(u32, f64)>,
}

struct Evidence {
    /// `(SKU that would answer, its similarity)`
    impostors: Vec<(u32, f64)>,
    known: Vec<Known>,
}

impl Evidence {
    fn collect(set: &QuerySet) -> Self {
        let mut evidence = Self { impostors: Vec::new(), known: Vec::new() };
        for query in set.iter() {
            evidence.impostors.extend(query.best_other().map(|other| (other.sku, other.similarity)));
            if let Some(truth) = query.truth {
                evidence.known.push(Known { truth, best: query.best().map(|b| (b.sku, b.similarity)) });
            }
        }
        evidence
    }

    fn curve(&self) -> Vec<Trade> {
        let known = self.known.iter().filter_map(|k| k.best.map(|best| best.1));
        let seen = || self.impostors.iter().map(|i| i.1).chain(known.clone());
        // A little beyond both ends, so that the first accepts everything and the last nothing.
        let (low, high) = (seen().fold(f64::MAX, f64::min) - 1e-4, seen().fold(f64::MIN, f64::max) + 1e-4);
        let at = |k: u32| low + (high - low) * f64::from(k) / f64::from(CURVE);
        (0..=CURVE).map(|k| self.trade(at(k), |_| at(k), None)).collect()
    }

    /// Rates under a threshold per SKU; over impostors and crops of one SKU, or of all.
    fn trade(&self, threshold: f64, of: impl Fn(u32) -> f64, only: Option<u32>) -> Trade {
        let wanted = |sku: u32| only.is_none_or(|o| o == sku);
        let fraction = |count: usize, total: usize| if total == 0 { 0.0 } else { count as f64 / total as f64 };
        let impostors = self.impostors.iter().filter(|i| wanted(i.0));
        let accepted = impostors.clone().filter(|i| i.1 >= of(i.0)).count();
        let known: Vec<&Known> = self.known.iter().filter(|k| wanted(k.truth)).collect();
        let passes = |k: &&&Known| k.best.is_some_and(|(sku, similarity)| similarity >= of(sku));
        let right = |k: &&&Known| k.best.is_some_and(|(sku, _)| sku == k.truth);
        let passed = known.iter().filter(passes).count();
        let identified = known.iter().filter(|k| passes(k) && right(k)).count();
        Trade {
            threshold,
            false_accept_rate: fraction(accepted, impostors.count()),
            identified: fraction(identified, known.len()),
            misidentified: fraction(passed - identified, known.len()),
            rejected: fraction(known.len() - passed, known.len()),
        }
    }
}
